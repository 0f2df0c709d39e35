import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecordingSink, type Value, writeValue } from '../../../test/support/rdb-values.ts';
import { RdbFileReader } from './file-reader.ts';
import { type RdbFileOptions, RdbFileWriter } from './file-writer.ts';
import { RdbError } from './rdb-error.ts';
import { RdbType } from './types.ts';

/** `SET k v`, `PEXPIREAT k 9999999999999`, `SAVE` in redis-server 7.0.15. */
const GOLDEN =
  '524544495330303130fa0972656469732d76657206372e302e3135fa0a72656469732d62697473c040fa056374696d65c2f5bc066bfa08757365642d6d656dc2b8191200fa08616f662d62617365c000fe00fb0101fcff9f724e1809000000016b0176ffb2cf5168776be559';

function open(bytes: Uint8Array, partBytes = 7, totalBytes = bytes.length, verifies = true): RdbFileReader {
  let at = 0;
  return new RdbFileReader(
    (target) => {
      const count = Math.min(partBytes, target.length, bytes.length - at);
      target.set(bytes.subarray(at, at + count));
      at += count;
      return count;
    },
    totalBytes,
    verifies,
  );
}

/** All that a file tells, in order. */
function read(file: RdbFileReader): unknown[] {
  const found: unknown[] = [];
  for (;;) {
    const part = file.next();
    switch (part) {
      case 'auxiliary':
        found.push([part, file.auxiliaryName, file.auxiliaryValue]);
        break;
      case 'database':
        found.push([part, file.database]);
        break;
      case 'sizes':
        found.push([part, file.keyCount, file.expireCount]);
        break;
      case 'slot':
        found.push([part, file.slot, file.keyCount, file.expireCount]);
        break;
      case 'function':
        found.push([part, file.functionSource.length]);
        break;
      case 'key': {
        const { bytes, offset, length } = file.key;
        const name = Buffer.from(bytes.subarray(offset, offset + length)).toString('latin1');
        const sink = new RecordingSink();
        const attributes = [file.expireAtMs, file.idleSeconds, file.frequency];
        found.push([part, name, ...attributes, file.readValue(sink) ? sink.value : null]);
        break;
      }
      default:
        return found;
    }
  }
}

function write(options: RdbFileOptions, fill: (file: RdbFileWriter) => void): Buffer {
  const parts: Buffer[] = [];
  const target = (bytes: Uint8Array, offset: number, length: number) => {
    parts.push(Buffer.from(bytes.subarray(offset, offset + length)));
  };
  const file = new RdbFileWriter(target, options);
  fill(file);
  file.end();
  return Buffer.concat(parts);
}

function writeString(file: RdbFileWriter, key: string, value: string): void {
  const objects = file.beginKey(RdbType.STRING, Buffer.from(key), 0, key.length);
  writeValue(objects, RdbType.STRING, { kind: 'string', value });
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** A file of this version with these parts, without a checksum. */
function fileOf(version: string, parts: string): Buffer {
  return Buffer.concat([Buffer.from(`REDIS${version}`), hex(parts), hex('ff 0000000000000000')]);
}

describe('an RDB file', () => {
  test.each([1, 5, 1000])('of Redis is read in parts of %d bytes', (partBytes) => {
    const bytes = hex(GOLDEN);
    const file = open(bytes, partBytes);
    expect(file.version).toBe(10);
    expect(read(file)).toEqual([
      ['auxiliary', 'redis-ver', '7.0.15'],
      ['auxiliary', 'redis-bits', '64'],
      ['auxiliary', 'ctime', '1795603701'],
      ['auxiliary', 'used-mem', '1186232'],
      ['auxiliary', 'aof-base', '0'],
      ['database', 0],
      ['sizes', 1, 1],
      ['key', 'k', 9_999_999_999_999, -1, -1, { kind: 'string', value: 'v' }],
    ]);
    expect(file.consumedBytes).toBe(bytes.length);
  });

  test('is written as by Redis', () => {
    const bytes = write({}, (file) => {
      file.writeAuxiliary('redis-ver', '7.0.15');
      file.writeAuxiliary('redis-bits', '64');
      file.writeAuxiliary('ctime', '1795603701');
      file.writeAuxiliary('used-mem', '1186232');
      file.writeAuxiliary('aof-base', '0');
      file.beginDatabase(0, 1, 1);
      file.writeExpiry(9_999_999_999_999);
      writeString(file, 'k', 'v');
    });
    expect(bytes.toString('hex')).toBe(GOLDEN);
  });

  test('with every part is read as it was written', () => {
    const list: Value = {
      kind: 'list',
      elements: Array.from({ length: 500 }, (_, index) => `element ${index}`),
    };
    const bytes = write({ version: 12 }, (file) => {
      file.writeFunction(Buffer.from('#!lua name=x\n'), 0, 13);
      file.beginDatabase(3, 2, 0);
      file.writeSlot(866, 2, 0);
      file.writeIdle(70_000);
      writeString(file, 'idle', 'x'.repeat(100));
      file.writeFrequency(255);
      writeValue(
        file.beginKey(RdbType.LIST_QUICKLIST_2, Buffer.from('list'), 0, 4),
        RdbType.LIST_QUICKLIST_2,
        list,
      );
    });
    const file = open(bytes);
    expect(file.version).toBe(12);
    expect(read(file)).toEqual([
      ['function', 13],
      ['database', 3],
      ['sizes', 2, 0],
      ['slot', 866, 2, 0],
      ['key', 'idle', -1, 70_000, -1, { kind: 'string', value: 'x'.repeat(100) }],
      ['key', 'list', -1, -1, 255, list],
    ]);
  });

  test('a long string comes and goes in parts', () => {
    const long = Buffer.alloc(300_000, 'long ');
    const bytes = write({ compresses: false }, (file) => {
      const objects = file.beginKey(RdbType.STRING, Buffer.from('k'), 0, 1);
      objects.begin(RdbType.STRING, 1);
      objects.stringLength(long.length);
      for (let at = 0; at < long.length; at += 1000) objects.stringPart(long, at, 1000);
      objects.end();
    });
    const file = open(bytes, 50_000);
    expect(file.next()).toBe('key');
    const sink = new RecordingSink();
    let calls = 0;
    const string = sink.string.bind(sink);
    sink.string = (part, offset, length) => {
      calls++;
      string(part, offset, length);
    };
    file.readValue(sink);
    expect(sink.count).toBe(long.length);
    expect(sink.value).toEqual({ kind: 'string', value: long.toString() });
    expect(calls).toBeGreaterThan(3);
    expect(file.next()).toBe('end');
  });

  test('values that nobody takes are passed over, and empty collections told apart', () => {
    const file = open(fileOf('0010', '00 0161 0162  02 0163 00  00 0164 0165'));
    const keys = [file.next(), file.next(), file.next()];
    expect(keys).toEqual(['key', 'key', 'key']);
    expect(file.next()).toBe('end');
    expect(read(open(fileOf('0010', '02 0163 00')))).toEqual([['key', 'c', -1, -1, -1, null]]);
  });

  test('old forms: expiry in seconds, a version before checksums', () => {
    expect(read(open(fileOf('0006', 'fe00 fd 00ca9a3b 00 016b 0176')))).toEqual([
      ['database', 0],
      ['key', 'k', 1e12, -1, -1, { kind: 'string', value: 'v' }],
    ]);
    const noChecksum = Buffer.concat([Buffer.from('REDIS0003'), hex('fe00 ff')]);
    expect(read(open(noChecksum))).toEqual([['database', 0]]);
  });

  test("modules' auxiliary data is skipped", () => {
    const module =
      'f7 810123456789abcdef 02 02  01 05  02 4040  03 00000000  04 0000000000000000  05 026162  00';
    expect(read(open(fileOf('0010', `${module} 00 016b 0176`)))).toHaveLength(1);
    expect(() => read(open(fileOf('0010', 'f7 00 02 00 09')))).toThrow(RdbError);
  });

  test('a hint of a size is no more than the file can hold', () => {
    expect(read(open(fileOf('0010', 'fb 80ffffffff 80ffffffff')))).toEqual([['sizes', 4, 4]]);
  });

  test.each([
    ['another signature', Buffer.from('RADIS0010'), /signature/],
    ['an old version', Buffer.from('REDIS0000'), /format version/],
    ['a newer version', Buffer.from('REDIS0013'), /format version 0013/],
    ['no version', Buffer.from('REDIS 1 0'), /format version/],
    ['no end', Buffer.from('REDIS0010'), /Unexpected end/],
    ['a short head', Buffer.from('REDI'), /Unexpected end/],
    ['an old function', fileOf('0010', 'f6 00'), /Pre-release function/],
    ['an unknown opcode', fileOf('0010', 'f0 00'), /Unknown RDB encoding type 240/],
  ])('with %s is refused', (_, bytes, message) => {
    expect(() => read(open(bytes))).toThrow(message);
    expect(() => read(open(bytes))).toThrow(RdbError);
  });

  test('the checksum is compared, unless it is 0 or that is not wanted', () => {
    const bytes = hex(GOLDEN);
    bytes[bytes.length - 10] ^= 1;
    expect(() => read(open(bytes))).toThrow('Wrong RDB checksum');
    expect(read(open(bytes, 100, bytes.length, false))).toHaveLength(8);
    const without = write({ hasChecksum: false }, (file) => writeString(file, 'k', 'v'));
    expect(without.subarray(-8)).toEqual(Buffer.alloc(8));
    expect(read(open(without))).toHaveLength(1);
  });

  test('damaged files end in an RdbError at worst, their size known or not', () => {
    const original = hex(GOLDEN);
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
    fc.assert(
      fc.property(damage, fc.nat({ max: original.length }), fc.boolean(), (changes, length, isKnown) => {
        const bytes = Buffer.from(original.subarray(0, length));
        for (const [at, byte] of changes) if (length > 0) bytes[at % length] = byte;
        try {
          read(open(bytes, 64, isKnown ? length : Number.POSITIVE_INFINITY, false));
        } catch (error) {
          expect(error).toBeInstanceOf(RdbError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
