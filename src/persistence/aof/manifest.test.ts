import { describe, expect, test } from 'vitest';
import { Manifest, ManifestError } from './manifest.ts';

const parse = (text: string | Uint8Array) =>
  Manifest.parse(typeof text === 'string' ? Buffer.from(text) : text);

const WHOLE = `file appendonly.aof.2.base.rdb seq 2 type b
file appendonly.aof.1.base.rdb seq 1 type h
file appendonly.aof.1.incr.aof seq 1 type h
file appendonly.aof.2.incr.aof seq 2 type i
file appendonly.aof.3.incr.aof seq 3 type i
`;

test('what Redis writes is read, and written the same', () => {
  const manifest = parse(WHOLE);
  expect(manifest.base).toEqual({ name: 'appendonly.aof.2.base.rdb', sequence: 2 });
  expect(manifest.increments.map(({ name }) => name)).toEqual([
    'appendonly.aof.2.incr.aof',
    'appendonly.aof.3.incr.aof',
  ]);
  expect(manifest.history.map(({ sequence }) => sequence)).toEqual([1, 1]);
  expect(manifest.baseSequence).toBe(2);
  expect(manifest.incrementSequence).toBe(3);
  expect(manifest.files.map(({ name }) => name)).toEqual([
    'appendonly.aof.2.base.rdb',
    'appendonly.aof.2.incr.aof',
    'appendonly.aof.3.incr.aof',
  ]);
  expect(`${manifest}`).toBe(WHOLE);
});

test('comments, white space, letters of any case, and what later versions add', () => {
  const text =
    '# a comment without words\n \t FILE a.1.incr.aof  SEQ 1 Type incr startoffset 0 endoffset 12 \r\n#\nfile b seq 2 type i\n# end';
  expect(`${parse(text)}`).toBe('file a.1.incr.aof seq 1 type i\nfile b seq 2 type i\n');
});

test.each([
  'plain',
  'with space',
  'quote"s',
  "it's",
  'back\ttab',
  'naïve',
  '#x',
  'a\x01b',
  'a\u00a0b',
  '日本',
])('the name %j comes back', (fileName) => {
  const manifest = new Manifest({}).withNewBase(fileName, 'rdb').withNewIncrement(fileName);
  const read = parse(`${manifest}`);
  expect(read.base?.name).toBe(`${fileName}.1.base.rdb`);
  expect(read.increments[0].name).toBe(`${fileName}.1.incr.aof`);
  expect(/^[ -~\n]*$/.test(`${manifest}`)).toBe(true);
});

test('names are quoted as Redis quotes them', () => {
  expect(`${new Manifest({ base: { name: 'a b"\n\x01é', sequence: 1 } })}`).toBe(
    'file "a b\\"\\n\\x01\\xc3\\xa9" seq 1 type b\n',
  );
});

test('a rewrite, from the first increment to the removal of history', () => {
  const fileName = 'a';
  let manifest = new Manifest({})
    .withNewBase(fileName, 'rdb')
    .withNewIncrement(fileName)
    .withNewIncrement(fileName);
  expect(manifest.isEmpty).toBe(false);
  manifest = manifest.withNewBase(fileName, 'rdb').withoutOldIncrements(1);
  expect(`${manifest}`).toBe(
    'file a.2.base.rdb seq 2 type b\nfile a.1.base.rdb seq 1 type h\nfile a.1.incr.aof seq 1 type h\nfile a.2.incr.aof seq 2 type i\n',
  );
  manifest = manifest.withoutHistory();
  expect(`${manifest}`).toBe('file a.2.base.rdb seq 2 type b\nfile a.2.incr.aof seq 2 type i\n');
  manifest = manifest.withoutOldIncrements(0).withoutHistory();
  expect(manifest.increments).toEqual([]);
  // A sequence number is not given twice, whatever has become of its file.
  expect(manifest.withNewIncrement(fileName).increments[0].sequence).toBe(3);
});

describe('a manifest that is wrong is refused', () => {
  const FORMAT = 'Invalid AOF manifest file format';
  test.each<[string, string, number]>([
    ['', 'Found an empty AOF manifest', 0],
    ['\n', FORMAT, 1],
    ['file a seq 1 type b', 'The AOF manifest file contains too long line', 1],
    ['file a seq 1 type b\nfile b seq 1', 'The AOF manifest file contains too long line', 2],
    [`file ${'a'.repeat(1100)} seq 1 type b\n`, 'The AOF manifest file contains too long line', 1],
    ['file a seq 1 type\n', FORMAT, 1],
    ['file a seq 1\n', FORMAT, 1],
    ['file a seq 1 type b extra\n', FORMAT, 1],
    ['name a seq 1 type b\n', FORMAT, 1],
    ['file "a seq 1 type b\n', FORMAT, 1],
    ['file "a"b seq 1 type b\n', FORMAT, 1],
    ['file "" seq 1 type b\n', FORMAT, 1],
    ['file a seq 0 type b\n', FORMAT, 1],
    ['file a seq x type b\n', FORMAT, 1],
    ['file a seq -1 type b\n', FORMAT, 1],
    ['file a seq 99999999999999999999 type b\n', FORMAT, 1],
    ['file a seq 1 type ""\n', FORMAT, 1],
    ['file a\0b seq 1 type b\n', FORMAT, 1],
    ['file "a\\x00b" seq 1 type b\n', FORMAT, 1],
    ['file . seq 1 type b\n', FORMAT, 1],
    ['file .. seq 1 type i\n', FORMAT, 1],
    ['file ../a seq 1 type b\n', "File can't be a path, just a filename", 1],
    ['file /etc/passwd seq 1 type h\n', "File can't be a path, just a filename", 1],
    ['file "a\\\\b" seq 1 type h\n', "File can't be a path, just a filename", 1],
    ['file a seq 1 type x\n', 'Unknown AOF file type', 1],
    ['file a seq 1 type b\nfile b seq 2 type b\n', 'Found duplicate base file information', 2],
    ['file a seq 2 type i\nfile b seq 2 type i\n', 'Found a non-monotonic sequence number', 2],
    ['file a seq 2 type i\nfile b seq 1 type i\n', 'Found a non-monotonic sequence number', 2],
    ['file a seq 1 type b\nfile a seq 1 type h\n', 'Found the same file twice', 2],
    ['\x80\xff\x00 junk \n', FORMAT, 1],
  ])('%j', (text, reason, line) => {
    let thrown: unknown;
    try {
      parse(Buffer.from(text, 'latin1'));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ManifestError);
    expect((thrown as ManifestError).message).toBe(reason);
    expect((thrown as ManifestError).line).toBe(line);
  });

  test('each byte of a right one changed, and cut off anywhere: an answer or a refusal', () => {
    const bytes = Buffer.from(WHOLE);
    const attempt = (changed: Uint8Array) => {
      try {
        const manifest = parse(changed);
        expect(manifest.files.every(({ name }) => !/[/\\]/.test(name) && name !== '')).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(ManifestError);
      }
    };
    for (let at = 0; at < bytes.length; at++) {
      attempt(bytes.subarray(0, at));
      for (const value of [0, 10, 32, 34, 47, 92, 255, bytes[at] ^ 1]) {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        attempt(changed);
      }
    }
  });
});
