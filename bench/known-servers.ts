import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './environment.ts';
import { type LocalServer, type ServerCommand, splitWords, startServer } from './server-process.ts';

/** How the two servers of the project's own comparisons are started, without directives. */
export interface KnownServers {
  readonly thermocline: string;
  readonly redis: string;
}

/** Starts redis-server without persistence. */
export function startRedis(servers: KnownServers): Promise<LocalServer> {
  return startServer(command('redis', servers.redis, ['--save', '', '--appendonly', 'no']));
}

/** Starts Thermocline with everything in RAM and without persistence, as redis is. */
export function startInMemory(servers: KnownServers, name = 'thermocline'): Promise<LocalServer> {
  return startServer(command(name, servers.thermocline, ['--save', '', '--enable-flex', 'no']));
}

/** Starts one of the servers with everything in RAM, its files in its temporary folder, and these directives. */
export function startWith(
  servers: KnownServers,
  name: keyof KnownServers,
  directives: readonly string[],
): Promise<LocalServer> {
  const inMemory = name === 'thermocline' ? ['--enable-flex', 'no'] : [];
  return startServer(command(name, servers[name], [...inMemory, ...directives]));
}

/** Starts Thermocline with a tier in its temporary folder and a RAM budget in bytes. */
export function startTiered(
  servers: KnownServers,
  maxmemoryBytes: number,
  name = 'thermocline',
  { keptFolder, directives: more = [] }: TieredOptions = {},
): Promise<LocalServer> {
  const directives = [
    '--enable-flex',
    'yes',
    '--flex-storage-path',
    TIER_FOLDER,
    '--maxmemory',
    String(Math.round(maxmemoryBytes)),
    ...more,
  ];
  return startServer(command(name, servers.thermocline, ['--save', '', ...directives]), keptFolder);
}

/** More directives, and a folder that stays when the server has ended. */
export interface TieredOptions {
  readonly keptFolder?: string;
  readonly directives?: readonly string[];
}

/** Starts redis-server in a folder that stays, whose snapshot it loads. */
export function startRedisIn(servers: KnownServers, keptFolder: string): Promise<LocalServer> {
  const directives = ['--save', '', '--appendonly', 'no', '--dir', '{folder}'];
  return startServer(command('redis', servers.redis, directives), keptFolder);
}

/** Where the tier of {@link startTiered} is. */
export function tierFolder(server: LocalServer): string {
  return join(server.folder, 'tier');
}

const TIER_FOLDER = '{folder}/tier';

function command(name: string, commandLine: string, directives: readonly string[]): ServerCommand {
  // The default command names a file of the repository, whatever folder the bench is called from.
  const words = splitWords(commandLine).map((word) => {
    const inRepository = join(repositoryRoot(), word);
    return word.includes('/') && !existsSync(word) && existsSync(inRepository) ? inRepository : word;
  });
  return { name, words: [...words, '--port', '{port}', ...directives] };
}
