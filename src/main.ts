#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';
import { REDIS_VERSION, VERSION } from './base/version.ts';
import { Config } from './config/config.ts';
import { ConfigError } from './config/parse.ts';
import { type Log, openLog } from './server/log.ts';
import { Server } from './server/server.ts';

/** Set in the environment of the process that goes on in the background. */
const DETACHED = 'THERMOCLINE_DETACHED';

/** Prints the reason and ends with status 1. */
function fail(error: unknown): never {
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : `Fatal: ${(error as Error).message ?? error}`}\n`,
  );
  process.exit(1);
}

function loadConfig(args: readonly string[]): Config {
  try {
    return new Config(args);
  } catch (error) {
    fail(error);
  }
}

/** Starts the same server in a session of its own and ends this process. */
function detach(): void {
  const child = spawn(process.execPath, process.argv.slice(1), {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, [DETACHED]: '1' },
  });
  child.unref();
}

async function serve(config: Config, log: Log): Promise<void> {
  const server = new Server(config, log);
  server.onExit = (status) => process.exit(status);
  for (const warning of config.warnings) log.warning(warning);
  config.onWarning = (warning) => log.warning(warning);
  let isEnding = false;
  const end = (signal: string, flags: readonly string[]) => {
    if (isEnding) {
      log.warning('You insist... exiting now.');
      process.exit(1);
    }
    log.notice(`Received ${signal}, scheduling shutdown...`);
    const save = flags.includes('save') ? 'save' : flags.includes('nosave') ? 'nosave' : 'default';
    const options = { save, now: flags.includes('now'), force: flags.includes('force') } as const;
    if (!server.engine.prepareToEnd(options)) {
      log.warning('Errors trying to shut down the server. Check the logs for more information.');
      return;
    }
    isEnding = true;
    server.end(options).then((hasEnded) => {
      if (hasEnded) process.exit(0);
      isEnding = false;
    }, fail);
  };
  process.on('SIGTERM', () => end('SIGTERM', config.values['shutdown-on-sigterm']));
  process.on('SIGINT', () => end('SIGINT', config.values['shutdown-on-sigint']));
  process.on('uncaughtException', (error) => server.crashed(error, 'work between commands'));
  process.on('unhandledRejection', (error) => server.crashed(error, 'work between commands'));
  await server.listen();
}

async function main(args: readonly string[]): Promise<void> {
  // Little lives long on the V8 heap: a small young generation saves the memory for data.
  setFlagsFromString('--max-semi-space-size=4');
  setFlagsFromString('--min-semi-space-size=1');
  const config = loadConfig(args);
  const { values } = config;
  if (values.daemonize && process.env[DETACHED] === undefined) {
    // The process in the background reads the configuration again, and standard input has been read.
    if (args.includes('-'))
      fail(new Error("daemonize can't be had with a configuration from standard input"));
    detach();
    return;
  }
  try {
    process.chdir(values.dir);
    const log = openLog(values.loglevel, values.logfile);
    try {
      await serve(config, log);
    } catch (error) {
      // Nobody may be looking at standard error.
      log.warning((error as Error).message ?? String(error));
      log.flush();
      throw error;
    }
  } catch (error) {
    fail(error);
  }
}

const program = new Command('thermocline-server')
  .description('Redis-compatible storage that keeps hot keys in RAM and cold data on SSD')
  .usage('[/path/to/thermocline.conf] [--directive value ...] [-]')
  .version(`Thermocline server v=${VERSION} (compatible with Redis ${REDIS_VERSION})`, '-v, --version')
  .argument('[words...]', 'a configuration file, `-` for standard input, and directives')
  .allowUnknownOption()
  .addHelpText(
    'after',
    `
Examples:
  thermocline-server                                  defaults, on port 6379
  thermocline-server /etc/thermocline.conf
  thermocline-server --port 6380 --enable-flex yes --maxmemory 1gb --flex-storage-path /data/ssd
  echo 'maxmemory 128mb' | thermocline-server -`,
  );

const words = process.argv.slice(2);
if (words.length === 1 && ['-v', '--version', '-h', '--help'].includes(words[0])) program.parse();
else await main(words);
