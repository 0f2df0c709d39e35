import { describe, expect, test } from 'vitest';
import type { OpenFile } from '../../base/files.ts';
import { Arguments } from '../../resp/arguments.ts';
import { AofWriter, type SyncPolicy } from './writer.ts';

/** A file in memory whose calls fail when told, and whose syncs in other threads end when told. */
class FakeFile implements OpenFile {
  text = '';
  syncedText = '';
  isClosed = false;
  syncs = 0;
  /** What the next write does in place of writing all: takes so many bytes, or throws. */
  nextWrite: number | Error | null = null;
  truncateError: Error | null = null;
  syncError: Error | null = null;
  readonly #waiting: (() => void)[] = [];

  size(): number {
    return this.text.length;
  }

  read(): number {
    throw new Error('write only');
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    const what = this.nextWrite;
    if (what instanceof Error) throw what;
    const taken = what ?? length;
    this.text += Buffer.from(bytes.subarray(offset, offset + taken)).toString('latin1');
    return taken;
  }

  truncate(sizeBytes: number): void {
    if (this.truncateError !== null) throw this.truncateError;
    this.text = this.text.slice(0, sizeBytes);
  }

  sync(): void {
    if (this.syncError !== null) throw this.syncError;
    this.syncs++;
    this.syncedText = this.text;
  }

  syncAside(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          this.sync();
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  close(): void {
    this.isClosed = true;
  }

  get pending(): number {
    return this.#waiting.length;
  }

  /** Ends the syncs that have begun. */
  async settle(): Promise<void> {
    await flushPromises();
    for (const end of this.#waiting.splice(0)) end();
    await flushPromises();
  }
}

const flushPromises = () => new Promise((resolve) => setImmediate(resolve));

const ioError = (text = 'EIO: i/o error, write') => Object.assign(new Error(text), { code: 'EIO' });

class Ended extends Error {}

function setUp(policy: SyncPolicy) {
  const settings = {
    policy,
    isSyncHeld: false,
    hasTimestamps: false,
    wallMs: 1_700_000_000_123,
    monotonicUs: 5_000_000,
  };
  const log: string[] = [];
  const told = { synced: 0 };
  const writer = new AofWriter(settings, {
    log: (text) => log.push(text),
    synced: () => told.synced++,
    tookMs: () => {},
    fail: (reason) => {
      log.push(reason);
      throw new Ended(reason);
    },
  });
  const file = new FakeFile();
  writer.open(file, 0);
  const append = (text: string, database = 0) =>
    writer.append(database, Arguments.of(text.split(' ').map((word) => Buffer.from(word))), null);
  return { settings, log, told, writer, file, append };
}

/** Commands in a log, words joined by spaces. */
function commands(text: string): string[] {
  const lines = text.split('\r\n').filter((line) => !/^\$\d+$/.test(line));
  return lines
    .join(' ')
    .split(/\*\d+ /)
    .map((words) => words.trim())
    .filter((words) => words !== '');
}

describe('what is written', () => {
  test('commands, each after the SELECT that it needs, in one write', () => {
    const { writer, file, append } = setUp('no');
    append('SET a 1');
    append('SET b 2');
    append('SET c 3', 2);
    expect(file.text).toBe('');
    writer.append(2, new Arguments(), [[Buffer.from('DEL'), Buffer.from('é')], [Buffer.from('EXEC')]]);
    writer.flush(false);
    expect(commands(file.text)).toEqual([
      'SELECT 0',
      'SET a 1',
      'SET b 2',
      'SELECT 2',
      'SET c 3',
      `DEL ${Buffer.from('é').toString('latin1')}`,
      'EXEC',
    ]);
    expect(file.text).toContain('*2\r\n$3\r\nDEL\r\n$2\r\n');
    expect(writer.fileBytes).toBe(file.text.length);
  });

  test('times', () => {
    const { settings, writer, file, append } = setUp('no');
    settings.hasTimestamps = true;
    append('INCR a');
    append('INCR a');
    settings.wallMs += 1000;
    append('INCR a');
    writer.flush(false);
    expect(file.text.match(/#TS:\d+\r\n|INCR/g)).toEqual([
      '#TS:1700000000\r\n',
      'INCR',
      'INCR',
      '#TS:1700000001\r\n',
      'INCR',
    ]);
  });

  test('a file after another begins with its database', () => {
    const { writer, append } = setUp('always');
    append('INCR a', 1);
    writer.flush(false);
    const next = new FakeFile();
    next.text = 'x';
    writer.open(next, 1);
    append('INCR a', 1);
    writer.flush(false);
    expect(commands(next.text.slice(1))).toEqual(['SELECT 1', 'INCR a']);
    expect(writer.fileBytes).toBe(next.text.length);
  });
});

describe('always', () => {
  test('what was written is synced before flush returns', () => {
    const { writer, file, append, told } = setUp('always');
    append('SET a 1');
    expect(writer.syncedBytes).toBe(0);
    writer.flush(false);
    expect(file.syncedText).toBe(file.text);
    expect(writer.syncedBytes).toBe(writer.appendedBytes);
    expect(told.synced).toBe(1);
    writer.flush(false);
    expect(file.syncs).toBe(1);
  });

  test('what another policy left is synced even with nothing to write', () => {
    const { settings, writer, file, append } = setUp('no');
    append('SET a 1');
    writer.flush(false);
    expect(file.syncs).toBe(0);
    settings.policy = 'always';
    writer.flush(false);
    expect(file.syncedText).toBe(file.text);
  });

  test.each([
    ['a write fails', (file: FakeFile) => Object.assign(file, { nextWrite: ioError() })],
    ['a write is short', (file: FakeFile) => Object.assign(file, { nextWrite: 3 })],
    ['a sync fails', (file: FakeFile) => Object.assign(file, { syncError: ioError() })],
  ])('the process ends when %s', (_, breaks) => {
    const { log, writer, file, append } = setUp('always');
    append('SET a 1');
    breaks(file);
    expect(() => writer.flush(false)).toThrow(Ended);
    expect(log.at(-1)).toMatch(/when the AOF fsync policy is 'always'.* Exiting\.\.\.$/);
  });
});

describe('everysec', () => {
  test('syncs in another thread once a second, also when nothing more comes', async () => {
    const { settings, writer, file, append, told } = setUp('everysec');
    append('SET a 1');
    writer.flush(false);
    expect(file.pending).toBe(0);
    await file.settle();
    expect(file.syncedText).toBe(file.text);
    expect(told.synced).toBe(1);
    append('SET b 1');
    settings.monotonicUs += 900_000;
    writer.flush(false);
    await file.settle();
    expect(file.syncs).toBe(1);
    expect(writer.syncedBytes).toBeLessThan(writer.appendedBytes);
    settings.monotonicUs += 100_000;
    writer.flush(false);
    await file.settle();
    expect(file.syncedText).toBe(file.text);
    expect(writer.syncedBytes).toBe(writer.appendedBytes);
    settings.monotonicUs += 5_000_000;
    writer.flush(false);
    await file.settle();
    expect(file.syncs).toBe(2);
  });

  test('a write waits for a sync that is running, two seconds at most', async () => {
    const { settings, log, writer, file, append } = setUp('everysec');
    append('SET a 1');
    writer.flush(false);
    await flushPromises();
    const { text } = file;
    append('SET b 1');
    for (const microseconds of [0, 1_000_000, 999_999]) {
      settings.monotonicUs += microseconds;
      writer.flush(false);
      expect(file.text).toBe(text);
    }
    expect(writer.delayedSyncs).toBe(0);
    settings.monotonicUs += 1;
    writer.flush(false);
    expect(file.text).not.toBe(text);
    expect(writer.delayedSyncs).toBe(1);
    expect(log).toHaveLength(1);
    await file.settle();
    // It was not yet there when the sync began.
    expect(writer.syncedBytes).toBe(text.length);
  });

  test('a forced flush does not wait', async () => {
    const { writer, file, append } = setUp('everysec');
    append('SET a 1');
    writer.flush(false);
    append('SET b 1');
    writer.flush(true);
    expect(commands(file.text)).toEqual(['SELECT 0', 'SET a 1', 'SET b 1']);
    await file.settle();
  });

  test('a failed sync is an error until one succeeds', async () => {
    const { settings, log, writer, file, append } = setUp('everysec');
    append('SET a 1');
    file.syncError = ioError('EIO: i/o error, fdatasync');
    writer.flush(false);
    await file.settle();
    expect(writer.failure).toBe('I/o error');
    expect(log).toEqual(['Fail to fsync the AOF file: I/o error']);
    file.syncError = null;
    settings.monotonicUs += 1_000_000;
    writer.flush(false);
    await file.settle();
    expect(writer.failure).toBe('');
    expect(writer.syncedBytes).toBe(writer.appendedBytes);
  });

  test('nothing is synced while that is held', async () => {
    const { settings, writer, file, append } = setUp('everysec');
    settings.isSyncHeld = true;
    append('SET a 1');
    writer.flush(false);
    await file.settle();
    expect(file.text).not.toBe('');
    expect(file.syncs).toBe(0);
  });
});

describe.each<SyncPolicy>(['everysec', 'no'])('failures of writing under %s', (policy) => {
  test('a write that fails is tried again, and nothing is written twice', async () => {
    const { log, writer, file, append } = setUp(policy);
    append('SET a 1');
    file.nextWrite = ioError('ENOSPC: no space left on device, write');
    writer.flush(false);
    append('SET b 1');
    writer.flush(false);
    expect(writer.failure).toBe('No space left on device');
    expect(log).toEqual(['Error writing to the AOF file: No space left on device']);
    file.nextWrite = null;
    writer.flush(false);
    expect(commands(file.text)).toEqual(['SELECT 0', 'SET a 1', 'SET b 1']);
    expect(writer.failure).toBe('');
    expect(log.at(-1)).toBe('AOF write error looks solved. The server can write again.');
    await file.settle();
  });

  test('a short write is taken back', () => {
    const { log, writer, file, append } = setUp(policy);
    append('SET a 1');
    writer.flush(false);
    const before = file.text;
    append('SET b 1');
    file.nextWrite = 5;
    writer.flush(true);
    expect(file.text).toBe(before);
    expect(writer.failure).toBe('No space left on device');
    expect(log).toEqual([
      `Short write while writing to the AOF file: (nwritten=5, expected=${writer.pendingBytes})`,
    ]);
    file.nextWrite = null;
    writer.flush(true);
    expect(commands(file.text)).toEqual(['SELECT 0', 'SET a 1', 'SET b 1']);
  });

  test('or gone on from, where it can not be taken back', () => {
    const { writer, file, append } = setUp(policy);
    append('SET a 1');
    file.nextWrite = 5;
    file.truncateError = ioError();
    writer.flush(true);
    expect(file.text).toHaveLength(5);
    expect(writer.fileBytes).toBe(5);
    append('SET b 1');
    file.nextWrite = null;
    writer.flush(true);
    expect(commands(file.text)).toEqual(['SELECT 0', 'SET a 1', 'SET b 1']);
    expect(writer.fileBytes).toBe(file.text.length);
    expect(writer.appendedBytes).toBe(file.text.length);
  });
});

describe('another file', () => {
  test.each<SyncPolicy>(['everysec', 'no'])(
    '%s: nothing is written to it before the first is on disk',
    async (policy) => {
      const { writer, file, append } = setUp(policy);
      append('SET a 1');
      writer.flush(true);
      const next = new FakeFile();
      writer.open(next, 0);
      append('SET b 1');
      writer.flush(false);
      expect(next.text).toBe('');
      expect(file.isClosed).toBe(false);
      await file.settle();
      await file.settle();
      expect(file.isClosed).toBe(true);
      expect(file.syncedText).toBe(file.text);
      expect(writer.syncedBytes).toBe(file.text.length);
      writer.flush(false);
      expect(commands(next.text)).toEqual(['SELECT 0', 'SET b 1']);
      await next.settle();
    },
  );

  test('always: both are synced', () => {
    const { settings, writer, file, append } = setUp('no');
    append('SET a 1');
    writer.flush(true);
    const next = new FakeFile();
    writer.open(next, 0);
    settings.policy = 'always';
    append('SET b 1');
    writer.flush(false);
    expect(file.syncedText).toBe(file.text);
    expect(next.syncedText).toBe(next.text);
    expect(writer.syncedBytes).toBe(writer.appendedBytes);
  });
});

describe('the end', () => {
  test('close writes and syncs what waits', async () => {
    const { writer, file, append } = setUp('no');
    append('SET a 1');
    expect(await writer.close()).toBe('');
    expect(commands(file.syncedText)).toEqual(['SELECT 0', 'SET a 1']);
    expect(file.isClosed).toBe(true);
    append('SET b 1');
    writer.flush(true);
    expect(commands(file.text)).toHaveLength(2);
  });

  test('close tells what can not be kept', async () => {
    const { writer, file, append } = setUp('no');
    append('SET a 1');
    file.nextWrite = ioError('ENOSPC: no space left on device, write');
    expect(await writer.close()).toBe('No space left on device');
  });

  test('discard leaves the file as it is', async () => {
    const { writer, file, append } = setUp('everysec');
    append('SET a 1');
    writer.discard();
    await flushPromises();
    expect(file.text).toBe('');
    expect(file.isClosed).toBe(true);
    expect(writer.syncedBytes).toBe(writer.appendedBytes);
  });
});
