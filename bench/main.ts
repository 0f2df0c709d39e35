#!/usr/bin/env node
import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { describeEnvironment } from './environment.ts';
import { figureNames, runFigures } from './figures/run-figures.ts';
import { runHeadline } from './headline.ts';
import { keyPattern } from './key-patterns.ts';
import { KEY_COUNT_MAX } from './keys.ts';
import { comparePolicies, policyTable } from './policy/compare.ts';
import { Random } from './random.ts';
import { phaseJson, phaseText } from './report.ts';
import { makeReport } from './report-page-make.ts';
import { PHASE_NAMES, type PhaseName, run } from './run.ts';
import { parseServerCommand, type ServerCommand } from './server-process.ts';
import { SizeDistribution } from './values.ts';

/** Started servers of this repository, for the comparisons whose servers are known. */
const THERMOCLINE_COMMAND = 'node dist/src/main.js';
const REDIS_COMMAND = 'redis-server';
const MEMCACHED_COMMAND = 'memcached';

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());

const program = new Command('thermocline-bench').description(
  'Load, latency, CPU and memory of servers that speak the Redis protocol.',
);

program
  .command('run')
  .description('measure one server, or several side by side')
  .option('--host <host>', 'a server that runs already', '127.0.0.1')
  .option('--port <port>', 'its port', integer(1, 65_535), 6379)
  .option(
    '--server <name=command>',
    'start this server instead, on the {port} it is given, in a temporary {folder}',
    server,
  )
  .option('--vs <name=command>', 'another server to measure beside it; may be repeated', servers, [])
  .option(
    '--operations <count>',
    'operations of each round (100,000 without --duration)',
    integer(1, Number.MAX_SAFE_INTEGER),
  )
  .option('--duration <seconds>', 'time of each round', number(0.001, 1e9))
  .option('--keys <count>', 'distinct keys', integer(1, KEY_COUNT_MAX), 100_000)
  .option(
    '--key-pattern <pattern>',
    'uniform, zipfian(θ), scan-heavy(θ), shifting(θ) or sequential',
    checked((text) => keyPattern(text, new Random(0), 1)),
    'uniform',
  )
  .option(
    '--value-size <bytes>',
    'N, N-M, or sizes with weights such as 100:50,1000:30,4000:20',
    checked((text) => new SizeDistribution(text)),
    '100',
  )
  .option('--read-ratio <share>', 'share of GET among GET and SET', number(0, 1), 1)
  .option('--clients <count>', 'connections', integer(1, 100_000), 50)
  .option('--pipeline <count>', 'commands under way on each connection', integer(1, 100_000), 1)
  .option(
    '--rate <per second>',
    'open loop: operations start at this rate, and latency counts from then',
    number(0.001, 1e9),
  )
  .option('--load', 'set every key first')
  .option('--phases <names>', `measure phases instead of one run: ${PHASE_NAMES.join(',')}`, phases, [])
  .option('--hot-keys <count>', 'keys of the hot phase (a hundredth of the keys)', integer(1, KEY_COUNT_MAX))
  .option('--compressible', 'values that LZ4 shrinks about threefold')
  .option('--verify', 'check each value that is read')
  .option('--rounds <count>', 'rounds of each phase (5 with --vs, else 1)', integer(1, 10_000))
  .option('--seed <number>', 'of the workload', integer(0, 2 ** 32 - 1), 1)
  .option('--json <file>', 'write every round to a file')
  .addHelpText('after', '\nServers run under TMPDIR: set it to a folder on the device to measure.')
  .action(async (options) => {
    if (options.vs.length > 0 && options.server === undefined) {
      throw new Error('--vs compares with --server: name that server too');
    }
    const reports = await run(
      {
        servers:
          options.server === undefined
            ? { host: options.host, port: options.port }
            : [options.server, ...options.vs],
        keyCount: options.keys,
        limit: {
          operations: options.operations ?? (options.duration === undefined ? 100_000 : Infinity),
          durationMs: options.duration === undefined ? Infinity : options.duration * 1000,
        },
        keyPattern: options.keyPattern,
        valueSize: options.valueSize,
        readRatio: options.readRatio,
        clients: options.clients,
        pipeline: options.pipeline,
        rate: options.rate ?? null,
        load: options.load === true,
        phases: options.phases,
        hotKeys: options.hotKeys ?? Math.max(1, Math.floor(options.keys / 100)),
        compressible: options.compressible === true,
        verify: options.verify === true,
        rounds: options.rounds ?? (options.vs.length > 0 ? 5 : 1),
        seed: options.seed,
        signal: interrupted.signal,
      },
      (phase) => console.log(phaseText(phase)),
    );
    writeJson(options.json, { environment: describeEnvironment(), phases: reports.map(phaseJson) });
    const wrong = reports.some((phase) =>
      phase.servers.some(({ rounds }) => rounds.some((round) => round.mismatches > 0)),
    );
    if (wrong) process.exitCode = 1;
  });

program
  .command('headline')
  .description(
    'the RAM tier, the SSD tier (data ten times its RAM, cold reads) and redis-server side by side',
  )
  .addOption(serverOption('--server <command>', THERMOCLINE_COMMAND))
  .addOption(serverOption('--redis <command>', REDIS_COMMAND))
  .option('--keys <count>', 'keys of 1,000 B values', integer(10_000, KEY_COUNT_MAX), 1_000_000)
  .option('--json <file>', 'write the figures to a file')
  .action(async (options) => {
    const headline = await runHeadline({ thermocline: options.server, redis: options.redis }, options.keys);
    console.log(headline.text);
    writeJson(options.json, { environment: describeEnvironment(), ...headline.json });
  });

program
  .command('figures')
  .description(
    `measure the project's figures beside redis-server: ${figureNames().join(', ')} (all without a name)`,
  )
  .argument('[names...]', 'figures to measure')
  .addOption(serverOption('--server <command>', THERMOCLINE_COMMAND))
  .addOption(serverOption('--redis <command>', REDIS_COMMAND))
  .option('--quick', 'a tenth to a twentieth of the work, for development: the figures do not count')
  .option('--json <file>', 'write the figures to a file')
  .option('--markdown <file>', 'write the figures as a table of Markdown to a file')
  .action(async (names, options) => {
    const figures = await runFigures(names, {
      thermocline: options.server,
      redis: options.redis,
      quick: options.quick === true,
      log: (line) => console.error(line),
    });
    console.log(figures.text);
    writeJson(options.json, {
      environment: describeEnvironment(),
      quick: options.quick === true,
      ...figures.json,
    });
    if (options.markdown !== undefined) writeFileSync(options.markdown, `${figures.markdown}\n`);
  });

program
  .command('policy')
  .description(
    'hit ratios of the demotion policy beside those of other caches, simulated over traces made from published parameters',
  )
  .option('--keys <count>', 'keys of a trace, each accessed 30 times', integer(1000, 10_000_000), 100_000)
  .option('--json <file>', 'write the rows to a file')
  .option('--markdown <file>', 'write the rows as a table of Markdown to a file')
  .action((options) => {
    const rows = comparePolicies(options.keys, ({ trace, ramShare }) =>
      console.error(`${trace}, ${ramShare * 100} % in RAM`),
    );
    console.log(policyTable(rows, false));
    writeJson(options.json, { environment: describeEnvironment(), rows });
    if (options.markdown !== undefined) writeFileSync(options.markdown, `${policyTable(rows, true)}\n`);
  });

program
  .command('report')
  .description(
    'redis-server, Thermocline with data up to 50 times its RAM, and memcached with extstore, in one page of HTML',
  )
  .requiredOption('--out <file>', 'the page')
  .addOption(serverOption('--server <command>', THERMOCLINE_COMMAND))
  .addOption(serverOption('--redis <command>', REDIS_COMMAND))
  .addOption(serverOption('--memcached <command>', MEMCACHED_COMMAND))
  .option('--ram <MiB>', 'RAM budget of the servers that use the SSD', integer(32, 1_048_576), 256)
  .option('--value-size <bytes>', 'of each value', integer(1, 1_000_000), 1000)
  .option('--rate <per second>', 'operations at which latency is measured', number(1, 1e9), 5000)
  .option('--ram-price <price>', 'of a GB of RAM for a month', number(0, 1e9), 3)
  .option('--ssd-price <price>', 'of a GB of SSD for a month', number(0, 1e9), 0.1)
  .option('--policy', 'with the comparison of policies')
  .option('--quick', 'little data and few operations, for development: the figures do not count')
  .option('--json <file>', 'write the figures to a file')
  .addHelpText('after', '\nServers run under TMPDIR: set it to a folder on the device to measure.')
  .action(async ({ server: thermocline, ram, out, json, ...options }) => {
    const report = await makeReport({
      ...options,
      thermocline,
      ramBytes: ram * 2 ** 20,
      valueBytes: options.valueSize,
      withPolicies: options.policy === true,
      isQuick: options.quick === true,
      log: (line) => console.error(line),
    });
    writeFileSync(out, report.html);
    writeJson(json, { environment: describeEnvironment(), ...report.json });
  });

program.parseAsync().catch((error: unknown) => {
  console.error(`thermocline-bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});

function serverOption(flags: string, command: string): Option {
  return new Option(flags, 'how to start it, without its directives').default(command);
}

function writeJson(file: string | undefined, content: object): void {
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}

function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text === '' || !(value >= min && value <= max))
      throw new InvalidArgumentError(`use a number from ${min} to ${max}.`);
    return value;
  };
}

function integer(min: number, max: number): (text: string) => number {
  const parse = number(min, max);
  return (text) => {
    const value = parse(text);
    if (!Number.isInteger(value)) throw new InvalidArgumentError('use a whole number.');
    return value;
  };
}

/** Lets commander report the Error that `parse` throws; the option keeps its text. */
function checked(parse: (text: string) => unknown): (text: string) => string {
  return (text) => {
    parsed(parse, text);
    return text;
  };
}

function parsed<Value>(parse: (text: string) => Value, text: string): Value {
  try {
    return parse(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function server(text: string): ServerCommand {
  return parsed(parseServerCommand, text);
}

function servers(text: string, previous: readonly ServerCommand[]): ServerCommand[] {
  return [...previous, server(text)];
}

function phases(text: string): PhaseName[] {
  return text.split(',').map((name) => {
    const phase = PHASE_NAMES.find((known) => known === name);
    if (phase === undefined) throw new InvalidArgumentError(`use names out of ${PHASE_NAMES.join(',')}.`);
    return phase;
  });
}
