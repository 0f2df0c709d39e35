import type { Call } from '../command-table/call.ts';
import type { Command } from '../command-table/command.ts';
import type { CommandRow } from '../command-table/row.ts';
import type { LatencyEvent } from '../metrics/latency.ts';
import { sparkline } from '../metrics/sparkline.ts';
import { allCommands } from './config.ts';
import { helpRow } from './help.ts';

const GRAPH_COLUMNS = 80;
const GRAPH_ROWS = 4;

function latencyLatest(call: Call): void {
  const { reply, services } = call;
  const { events } = services.latency;
  reply.array(events.size);
  for (const [name, event] of events) {
    const last = event.samples[event.samples.length - 1];
    reply.array(4);
    reply.bulkText(name);
    reply.integer(last.timeSeconds);
    reply.integer(Math.floor(last.milliseconds));
    reply.integer(Math.floor(event.maxMilliseconds));
  }
}

function latencyHistory(call: Call): void {
  const { reply, services, words } = call;
  const samples = services.latency.events.get(words.text(2))?.samples ?? [];
  reply.array(samples.length);
  for (const { timeSeconds, milliseconds } of samples) {
    reply.array(2);
    reply.integer(timeSeconds);
    reply.integer(Math.floor(milliseconds));
  }
}

function latencyReset(call: Call): void {
  const { reply, services, words } = call;
  const names: string[] = [];
  for (let at = 2; at < words.count; at++) names.push(words.text(at));
  reply.integer(services.latency.reset(names));
}

function latencyGraph(call: Call): void {
  const { reply, services, words, keyspace } = call;
  const name = words.text(2);
  const event = services.latency.events.get(name);
  if (event === undefined) {
    reply.error(`ERR No samples available for event '${name}'`);
    return;
  }
  const samples = event.samples.map(({ timeSeconds, milliseconds }) => ({
    value: Math.floor(milliseconds),
    label: ageLabel(Math.floor(keyspace.nowMs / 1000) - timeSeconds),
  }));
  const values = samples.map(({ value }) => value);
  const high = Math.max(...values);
  const low = Math.min(...values);
  const head = `${name} - high ${high} ms, low ${low} ms (all time high ${Math.floor(event.maxMilliseconds)} ms)`;
  reply.verbatim(
    'txt',
    `${head}\n${'-'.repeat(GRAPH_COLUMNS)}\n${sparkline(samples, GRAPH_COLUMNS, GRAPH_ROWS)}`,
  );
}

/** How long ago, in the largest unit that is not 0. */
function ageLabel(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

/** LATENCY DOCTOR, in the words of Redis (createLatencyReport of latency.c) for the events that this server has. */
function latencyDoctor(call: Call): void {
  const { services, keyspace } = call;
  const { events } = services.latency;
  const { values } = services.config;
  const threshold = values['latency-monitor-threshold'];
  const advice: string[] = [];
  let report = '';
  let number = 0;
  for (const [name, event] of events) {
    report += `${++number}. ${name}: ${describeEvent(event, Math.floor(keyspace.nowMs / 1000))}\n`;
  }
  if (events.has('command')) {
    const slowerThan = values['slowlog-log-slower-than'];
    if (slowerThan < 0 || values['slowlog-max-len'] === 0) {
      advice.push(
        `There are latency issues with potentially slow commands you are using. Try to enable the Slow Log Redis feature using the command 'CONFIG SET slowlog-log-slower-than ${threshold * 1000}'. If the Slow log is disabled Redis is not able to log slow commands execution for you.`,
      );
    } else if (Math.floor(slowerThan / 1000) > threshold) {
      advice.push(
        `Your current Slow Log configuration only logs events that are slower than your configured latency monitor threshold. Please use 'CONFIG SET slowlog-log-slower-than ${threshold * 1000}'.`,
      );
    }
    advice.push(
      'Check your Slow Log to understand what are the commands you are running which are too slow to execute. Please check https://redis.io/commands/slowlog for more information.',
    );
  }
  if (events.has('fast-command')) {
    advice.push(
      'The system is slow to execute Redis code paths not containing system calls. This usually means the system does not provide Redis CPU time to run for long periods. You should try to:\n' +
        '  1) Lower the system load.\n' +
        '  2) Use a computer / VM just for Redis if you are running other software in the same system.\n' +
        '  3) Check if you have a "noisy neighbour" problem.\n' +
        "  4) Check with 'redis-cli --intrinsic-latency 100' what is the intrinsic latency in your system.",
    );
  }
  if (events.has('command')) {
    advice.push(
      'Deleting, expiring or evicting (because of maxmemory policy) large objects is a blocking operation. If you have very large objects that are often deleted, expired, or evicted, try to fragment those objects into multiple smaller objects.',
    );
  }
  if (number > 0) {
    report = `Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?\n\n${report}`;
    report += `\nI have a few advices for you:\n\n${advice.map((line) => `- ${line}\n`).join('')}`;
  } else if (threshold === 0) {
    report =
      "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep space mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n";
  } else {
    report =
      'Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n';
  }
  call.reply.verbatim('txt', report);
}

/** Spikes, mean, mean deviation and period of an event (analyzeLatencyForEvent): whole milliseconds, as Redis counts. */
function describeEvent(event: LatencyEvent, nowSeconds: number): string {
  const values = event.samples.map(({ milliseconds }) => Math.floor(milliseconds));
  const count = values.length;
  const mean = Math.floor(values.reduce((sum, value) => sum + value, 0) / count);
  const deviation = Math.floor(values.reduce((sum, value) => sum + Math.abs(mean - value), 0) / count);
  const period = Math.max(1, nowSeconds - event.samples[0].timeSeconds) / count;
  return `${count} latency spikes (average ${mean}ms, mean deviation ${deviation}ms, period ${period.toFixed(2)} sec). Worst all time event ${Math.floor(event.maxMilliseconds)}ms.`;
}

/** Of commands by name with their subcommands, or of all, those that have run. */
function latencyHistogram(call: Call): void {
  const { reply, services, words } = call;
  const mark = reply.open();
  let count = 0;
  const add = (command: Command) => {
    if (command.statistics.durations.count === 0) return;
    replyHistogram(call, command);
    count++;
  };
  if (words.count === 2) for (const command of allCommands(services.table)) add(command);
  for (let at = 2; at < words.count; at++) {
    const command = services.table.named(words.text(at));
    if (command === null) continue;
    add(command);
    for (const subcommand of command.subcommands?.commands ?? []) add(subcommand);
  }
  reply.closeMap(mark, count);
}

function replyHistogram(call: Call, command: Command): void {
  const { reply } = call;
  const { durations } = command.statistics;
  reply.bulkText(command.fullName);
  reply.map(2);
  reply.bulkText('calls');
  reply.integer(durations.count);
  reply.bulkText('histogram_usec');
  const mark = reply.open();
  let count = 0;
  durations.forEachBucket((microseconds, cumulativeCount) => {
    reply.integer(microseconds);
    reply.integer(cumulativeCount);
    count++;
  });
  reply.closeMap(mark, count);
}

const HELP = [
  'DOCTOR',
  '    Return a human readable latency analysis report.',
  'GRAPH <event>',
  '    Return an ASCII latency graph for the <event> class.',
  'HISTORY <event>',
  '    Return time-latency samples for the <event> class.',
  'LATEST',
  '    Return the latest latency samples for all events.',
  'RESET [<event> ...]',
  '    Reset latency data of one or more <event> classes.',
  '    (default: reset all data for all event classes)',
  'HISTOGRAM [COMMAND ...]',
  '    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.',
  '    If no commands are specified then all histograms are replied.',
];

const row = { group: 'server', categories: [], need: 'none', keys: [], since: '2.8.13' } as const;
const FLAGS = ['admin', 'noscript', 'loading', 'stale'] as const;
const HINTS = ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'] as const;

export const LATENCY_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'latency',
    summary: 'A container for latency diagnostics commands.',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...row,
        name: 'doctor',
        summary: 'Returns a human-readable latency analysis report.',
        complexity: 'O(N) in the number of samples.',
        arity: 2,
        flags: FLAGS,
        hints: HINTS,
        execute: latencyDoctor,
      },
      {
        ...row,
        name: 'graph',
        summary: 'Returns a latency graph for an event.',
        complexity: 'O(1)',
        arity: 3,
        flags: FLAGS,
        hints: HINTS,
        arguments: [{ name: 'event', type: 'string' }],
        execute: latencyGraph,
      },
      helpRow('LATENCY', HELP, { group: 'server', since: '2.8.13' }),
      {
        ...row,
        name: 'histogram',
        summary: 'Returns the cumulative distribution of latencies of commands.',
        since: '7.0.0',
        complexity: 'O(N) in the number of commands with latency information.',
        arity: -2,
        flags: FLAGS,
        hints: HINTS,
        arguments: [{ name: 'command', type: 'string', optional: true, multiple: true }],
        execute: latencyHistogram,
      },
      {
        ...row,
        name: 'history',
        summary: 'Returns timestamp-latency samples for an event.',
        complexity: 'O(1)',
        arity: 3,
        flags: FLAGS,
        hints: HINTS,
        arguments: [{ name: 'event', type: 'string' }],
        execute: latencyHistory,
      },
      {
        ...row,
        name: 'latest',
        summary: 'Returns the latest latency samples for all events.',
        complexity: 'O(1)',
        arity: 2,
        flags: FLAGS,
        hints: HINTS,
        execute: latencyLatest,
      },
      {
        ...row,
        name: 'reset',
        summary: 'Resets the latency data of events.',
        complexity: 'O(1)',
        arity: -2,
        flags: FLAGS,
        hints: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        arguments: [{ name: 'event', type: 'string', optional: true, multiple: true }],
        execute: latencyReset,
      },
    ],
  },
];
