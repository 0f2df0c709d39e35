import { basename, dirname, join, resolve } from 'node:path';
import { errorReason, type Files } from '../base/files.ts';
import type { ConfigValues } from '../config/directives.ts';
import { RdbFileReader } from '../persistence/rdb/file-reader.ts';
import { RdbError } from '../persistence/rdb/rdb-error.ts';
import type { Target } from './findings.ts';
import { readFrom } from './read-from.ts';

const MANIFEST = '.manifest';
const RDB_SIGNATURE = 'REDIS';
const ENVIRONMENT_NAME = /^\d{8}$/;
const ASTERISK = 42;
const NUMBER_SIGN = 35;

/** The names in a data directory. */
export type DirectoryNames = Pick<
  ConfigValues,
  'dbfilename' | 'appenddirname' | 'appendfilename' | 'flex-storage-path'
>;

/**
 * What a path stands for: an RDB file, a log's file, directory or manifest, a tier; or a data directory, which may have several
 * of them. Throws an Error for people if it is none of these.
 */
export function findTargets(path: string, names: DirectoryNames, files: Files): Target[] {
  const found = statisticsOf(path, files);
  if (found === undefined) throw new Error(`${path}: No such file or directory`);
  if (!found.isDirectory) return [fileTarget(path, files)];
  const listed = listOf(path, files);
  const manifests = listed.filter((name) => name.endsWith(MANIFEST));
  if (manifests.length > 1)
    throw new Error(`${path} has several manifests: name one of ${manifests.join(', ')}`);
  if (manifests.length === 1) return [logTarget(join(path, manifests[0]))];
  if (isTier(listed)) return [{ kind: 'tier', path }];
  return dataDirectoryTargets(path, names, files);
}

/** What there is in a data directory; the log first, which is what a server with `appendonly yes` loads. */
export function dataDirectoryTargets(path: string, names: DirectoryNames, files: Files): Target[] {
  const targets: Target[] = [];
  const log = join(path, names.appenddirname);
  if (files.exists(join(log, `${names.appendfilename}${MANIFEST}`)))
    targets.push({ kind: 'AOF directory', path: log, fileName: names.appendfilename });
  const oldLog = join(path, names.appendfilename);
  if (targets.length === 0 && files.exists(oldLog)) targets.push({ kind: 'AOF file', path: oldLog });
  const tier = resolve(path, names['flex-storage-path']);
  if (statisticsOf(tier, files)?.isDirectory === true && isTier(listOf(tier, files)))
    targets.push({ kind: 'tier', path: tier });
  const snapshot = join(path, names.dbfilename);
  if (files.exists(snapshot)) targets.push({ kind: 'RDB file', path: snapshot });
  if (targets.length > 0) return targets;
  throw new Error(
    `${path} has neither a manifest nor environments of a tier, nor ${names.dbfilename}, ${names.appenddirname} or ${names['flex-storage-path']}`,
  );
}

function isTier(names: readonly string[]): boolean {
  return names.includes('lock.mdb') || names.some((name) => ENVIRONMENT_NAME.test(name));
}

function logTarget(manifestPath: string): Target {
  return {
    kind: 'AOF directory',
    path: dirname(manifestPath),
    fileName: basename(manifestPath, MANIFEST),
  };
}

function fileTarget(path: string, files: Files): Target {
  if (path.endsWith(MANIFEST)) return logTarget(path);
  try {
    const file = files.open(path, 'read');
    try {
      const head = Buffer.alloc(RDB_SIGNATURE.length);
      const count = file.read(head, 0, head.length, 0);
      // An empty log is one too.
      if (count === 0) return { kind: 'AOF file', path };
      if (head[0] === ASTERISK || head[0] === NUMBER_SIGN) return { kind: 'AOF file', path };
      if (head.toString('latin1') !== RDB_SIGNATURE)
        throw new Error('neither an RDB file nor an append-only file');
      return { kind: isPreamble(path, files) ? 'AOF file' : 'RDB file', path };
    } finally {
      file.close();
    }
  } catch (error) {
    throw new Error(`${path}: ${errorReason(error)}`);
  }
}

/** Whether an RDB file is only the beginning of a log of old: its `aof-base`, or `aof-preamble`, says so, and commands follow. */
function isPreamble(path: string, files: Files): boolean {
  const file = files.open(path, 'read');
  try {
    const reader = new RdbFileReader(readFrom(file), file.size(), false);
    for (let part = reader.next(); part === 'auxiliary'; part = reader.next()) {
      const isMark = reader.auxiliaryName === 'aof-base' || reader.auxiliaryName === 'aof-preamble';
      if (isMark && reader.auxiliaryValue === '1') return true;
    }
    return false;
  } catch (error) {
    if (error instanceof RdbError) return false;
    throw error;
  } finally {
    file.close();
  }
}

function statisticsOf(path: string, files: Files): ReturnType<Files['statistics']> {
  try {
    return files.statistics(path);
  } catch (error) {
    throw new Error(`${path}: ${errorReason(error)}`);
  }
}

function listOf(path: string, files: Files): string[] {
  try {
    return files.list(path);
  } catch (error) {
    throw new Error(`${path}: ${errorReason(error)}`);
  }
}
