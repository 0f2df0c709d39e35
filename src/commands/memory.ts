import { readUint48, sliceBytes } from '../base/bytes.ts';
import { NOT_AN_INTEGER, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseInteger64 } from '../base/numbers.ts';
import type { Call, MemoryReport } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { ramBytesOf, SLOT_BYTES } from '../keyspace/ram-bytes.ts';
import type { Arena } from '../memory/arena.ts';
import { PAGED } from '../types/pages/head.ts';
import { type PageName, pageNumberCount, pageNumbered } from '../types/pages/walk.ts';
import { helpRow } from './help.ts';
import { keyAt } from './key-specs.ts';

/** Pages of a value that MEMORY USAGE looks at, if not told to look at more. */
const SAMPLES_DEFAULT = 5;
const PAGES_MIN = 64;
/** Below this much in use MEMORY DOCTOR has nothing to say. */
const SMALL_BYTES = 5 * 1024 * 1024;
/** Waste below this is not worth a word, whatever its ratio. */
const WASTE_BYTES_MIN = 10 * 1024 * 1024;
const CLIENT_BYTES_MAX = 200 * 1024;

function memoryUsage(call: Call): void {
  const { words, reply, database, keyspace } = call;
  let samplesMax = SAMPLES_DEFAULT;
  for (let at = 3; at < words.count; at += 2) {
    if (!words.is(at, 'samples') || at + 1 === words.count) {
      reply.error(SYNTAX_ERROR);
      return;
    }
    const samples = parseInteger64(words.buffer, words.offsets[at + 1], words.lengths[at + 1]);
    if (samples === undefined || samples < 0n) {
      reply.error(samples === undefined ? NOT_AN_INTEGER : SYNTAX_ERROR);
      return;
    }
    samplesMax = samples === 0n ? Number.POSITIVE_INFINITY : Number(samples);
  }
  if (!database.peekRaw(words.buffer, words.offsets[2], words.lengths[2])) {
    reply.null();
    return;
  }
  const { encoding, bytes, payloadOffset, payloadLength } = database.entry;
  const head = (encoding & PAGED) === 0 ? null : sliceBytes(bytes, payloadOffset, payloadLength);
  const own = ramBytesOf(keyspace, database, words.buffer, words.offsets[2], words.lengths[2]);
  reply.integer(own + (head === null ? 0 : ramBytesOfPages(keyspace, database, head, samplesMax)));
}

/** RAM of the pages of a value, of which as many are looked at as samples are asked for, and {@link PAGES_MIN} at least. */
function ramBytesOfPages(
  keyspace: Keyspace,
  { pages }: Database,
  head: Uint8Array,
  samplesMax: number,
): number {
  const collection = readUint48(head, 0);
  const count = pageNumberCount(head);
  const looked = Math.min(count, Math.max(samplesMax, PAGES_MIN));
  const name: PageName = { structure: 0, page: 0, isThere: true };
  let bytes = 0;
  for (let sample = 0; sample < looked; sample++) {
    const { structure, page } = pageNumbered(head, Math.floor((sample * count) / looked), name);
    const key = pages.nameOf(collection, structure, page);
    bytes += ramBytesOf(keyspace, pages.records, key, 0, key.length);
  }
  return looked === 0 ? 0 : Math.round((bytes * count) / looked);
}

/** What the memory is used for, and how much of the process is not. */
export function shares(report: MemoryReport) {
  const ratio = (over: number, under: number) => (under === 0 ? 0 : over / under);
  return {
    overhead: report.used - report.records,
    fragmentation: ratio(report.resident, report.used),
    fragmentationBytes: report.resident - report.used,
    blockFragmentation: ratio(report.slabs, report.records),
    blockFragmentationBytes: report.slabs - report.records,
    arenaResident: ratio(report.touched, report.slabs),
    arenaResidentBytes: report.touched - report.slabs,
    processResident: ratio(report.resident, report.touched),
    processResidentBytes: report.resident - report.touched,
  };
}

function memoryStats(call: Call): void {
  const { reply, services, keyspace } = call;
  const report = services.memory();
  const share = shares(report);
  const databases = keyspace.databases.filter((database) => database.size > 0);
  const keyCount = databases.reduce((sum, database) => sum + database.size, 0);
  let fieldCount = 0;
  const mark = reply.open();
  const field = (name: string) => {
    reply.bulkText(name);
    fieldCount++;
  };
  const integer = (name: string, value: number) => {
    field(name);
    reply.integer(value);
  };
  const double = (name: string, value: number) => {
    field(name);
    reply.double(value);
  };
  integer('peak.allocated', report.peak);
  integer('total.allocated', report.used);
  integer('startup.allocated', report.startup);
  integer('clients.normal', report.clientsNormal);
  integer('tier.buffers', report.tierBuffers);
  for (const database of databases) {
    field(`db.${database.number}`);
    reply.map(1);
    reply.bulkText('overhead.hashtable.main');
    reply.integer(indexBytes(database));
  }
  integer('overhead.total', share.overhead);
  integer('keys.count', keyCount);
  integer('keys.bytes-per-key', keyCount === 0 ? 0 : Math.floor((report.records + report.index) / keyCount));
  integer('dataset.bytes', report.records);
  double('dataset.percentage', report.used === 0 ? 0 : (report.records * 100) / report.used);
  double('peak.percentage', report.peak === 0 ? 0 : (report.used * 100) / report.peak);
  integer('allocator.allocated', report.records);
  integer('allocator.active', report.slabs);
  integer('allocator.resident', report.touched);
  double('allocator-fragmentation.ratio', share.blockFragmentation);
  integer('allocator-fragmentation.bytes', share.blockFragmentationBytes);
  double('allocator-rss.ratio', share.arenaResident);
  integer('allocator-rss.bytes', share.arenaResidentBytes);
  double('rss-overhead.ratio', share.processResident);
  integer('rss-overhead.bytes', share.processResidentBytes);
  double('fragmentation', share.fragmentation);
  integer('fragmentation.bytes', share.fragmentationBytes);
  reply.closeMap(mark, fieldCount);
}

function indexBytes(database: Database): number {
  return database.table.capacity * SLOT_BYTES + database.directoryBytes;
}

/** MEMORY DOCTOR: the checks and the frame of Redis (getMemoryDoctorReport), with the causes that there are here. */
function memoryDoctor(call: Call): void {
  const { services } = call;
  const report = services.memory();
  const issues = memoryIssues(report, services.clients.size);
  let text: string;
  if (report.used < SMALL_BYTES) {
    text =
      "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n";
  } else if (issues.length === 0) {
    text =
      "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n";
  } else {
    text = `Sam, I detected a few issues in this Redis instance memory implants:\n\n${issues
      .map((issue) => ` * ${issue}\n\n`)
      .join('')}I'm here to keep you safe, Sam. I want to help you.\n`;
  }
  call.reply.verbatim('txt', text);
}

function memoryIssues(report: MemoryReport, clientCount: number): string[] {
  const share = shares(report);
  const issues: string[] = [];
  if (report.peak / report.used > 1.5) {
    issues.push(
      'Peak memory: In the past this instance used more than 150% the memory that is currently using. Memory between the blocks that are left is used again as soon as you fill the instance with more data. If the peak was only occasional and you want the memory back, please try the MEMORY PURGE command.',
    );
  }
  if (share.fragmentation > 1.4 && share.fragmentationBytes > WASTE_BYTES_MIN) {
    issues.push(
      'High total RSS: The resident memory of the process is more than 1.4 times what the instance accounts for. With Flex on, pages of the SSD tier that are mapped count as resident although the system takes them back when it needs to: see used_memory_rss_anonymous of INFO memory. Otherwise check whether there is a peak memory entry above.',
    );
  }
  if (share.blockFragmentation > 1.1 && share.blockFragmentationBytes > WASTE_BYTES_MIN) {
    issues.push(
      'High allocator fragmentation: The blocks of records take more than 1.1 times the memory that is used in them. This is usually due to a large peak memory or to keys whose sizes have changed. You can try the MEMORY PURGE command, which moves sparse blocks together.',
    );
  }
  if (share.arenaResident > 1.1 && share.arenaResidentBytes > WASTE_BYTES_MIN) {
    issues.push(
      'High allocator RSS overhead: The memory that was touched for records is more than 1.1 times what their blocks hold now. This is usually due to a large peak memory, you can try the MEMORY PURGE command to reclaim it.',
    );
  }
  if (clientCount > 0 && report.clientsNormal / clientCount > CLIENT_BYTES_MAX) {
    issues.push(
      'Big client buffers: The clients buffers in this instance are greater than 200K per client (on average). This may result from clients sending commands with large replies or very large sequences of commands in the same pipeline. Please use the CLIENT LIST command in order to investigate the issue if it causes problems in your instance.',
    );
  }
  return issues;
}

function mallocStats(call: Call): void {
  const { arena, indexArena } = call.keyspace;
  const describe = (name: string, of: Arena) =>
    `${name}\n` +
    `  blocks: ${of.blockCount}\n` +
    `  used bytes: ${of.usedBytes}\n` +
    `  bytes of slabs in use: ${of.slabBytes}\n` +
    `  bytes touched: ${of.touchedBytes}\n` +
    `  bytes of mapped segments: ${of.mappedBytes}\n`;
  call.reply.verbatim(
    'txt',
    describe('Arena of records', arena) + describe('Arena of index pages', indexArena),
  );
}

const HELP = [
  'DOCTOR',
  '    Return memory problems reports.',
  'MALLOC-STATS',
  '    Return internal statistics report from the memory allocator.',
  'PURGE',
  '    Attempt to purge dirty pages for reclamation by the allocator.',
  'STATS',
  '    Return information about the memory usage of the server.',
  'USAGE <key> [SAMPLES <count>]',
  '    Return memory in bytes used by <key> and its value. Nested values are',
  '    sampled up to <count> times (default: 5, 0 means sample all).',
];

const row = { group: 'server', categories: [], need: 'none', keys: [], since: '4.0.0', flags: [] } as const;
const HINTS = ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'] as const;

export const MEMORY_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'memory',
    summary: 'A container for memory diagnostics commands.',
    complexity: 'Depends on subcommand.',
    arity: -2,
    subcommands: [
      {
        ...row,
        name: 'doctor',
        summary: 'Outputs a memory problems report.',
        complexity: 'O(1)',
        arity: 2,
        hints: HINTS,
        differences: 'Looks at the arenas in place of an allocator.',
        execute: memoryDoctor,
      },
      helpRow('MEMORY', HELP, { group: 'server', since: '4.0.0' }),
      {
        ...row,
        name: 'malloc-stats',
        summary: 'Returns the allocator’s statistics: of the arena of records and that of index pages.',
        complexity: 'O(N) in the number of mapped segments.',
        arity: 2,
        hints: HINTS,
        differences: 'Tells of the arenas in place of an allocator.',
        execute: mallocStats,
      },
      {
        ...row,
        name: 'purge',
        summary: 'Moves sparse blocks together and gives memory back to the system.',
        complexity: 'O(N) in the number of keys in sparse blocks.',
        arity: 2,
        hints: ['request_policy:all_shards', 'response_policy:all_succeeded'],
        execute: (call) => {
          call.services.purge();
          call.reply.ok();
        },
      },
      {
        ...row,
        name: 'stats',
        summary: 'Returns details about memory usage.',
        complexity: 'O(N) in the number of databases.',
        arity: 2,
        hints: HINTS,
        differences: 'The fields that there is something to tell of, and the tier’s buffers.',
        execute: memoryStats,
      },
      {
        ...row,
        name: 'usage',
        summary:
          'Estimates the RAM that a key takes: the blocks of its record and of its pages, and their slots in the index. What is in the SSD tier counts as its slot, which is all that it has in RAM.',
        complexity: 'O(N) in the samples, or in the pages of the value with SAMPLES 0.',
        arity: -3,
        flags: ['readonly'],
        keys: [keyAt(2, 'RO')],
        arguments: [
          { name: 'key', type: 'key', keySpec: 0 },
          { name: 'count', type: 'integer', token: 'SAMPLES', optional: true },
        ],
        differences:
          'Counts RAM only. A value in pages of which there are more than 64 is estimated by as many of them, or by SAMPLES if that is more; all others are exact.',
        execute: memoryUsage,
      },
    ],
  },
];
