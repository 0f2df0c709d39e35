import { expect, it } from 'vitest';
import { parseServerCommand, splitWords, startServer } from './server-process.ts';

it('divides a command line at spaces outside quotes', () => {
  expect(splitWords(`redis-server  --save '' --name "a b"'c' x`)).toEqual([
    'redis-server',
    '--save',
    '',
    '--name',
    'a bc',
    'x',
  ]);
  expect(() => splitWords("a 'b")).toThrow(/does not close/);
});

it('wants a name and a place for the port', () => {
  expect(parseServerCommand('a=node x.js --port={port}')).toEqual({
    name: 'a',
    words: ['node', 'x.js', '--port={port}'],
  });
  for (const text of ['node --port {port}', '=node {port}', 'a=node --port 1', 'a=']) {
    expect(() => parseServerCommand(text), text).toThrow(/bad server/);
  }
});

it('says what a server printed that did not start', async () => {
  const words = ['node', '-e', 'console.error("no such disk {port}"); process.exit(3)'];
  await expect(startServer({ name: 'broken', words })).rejects.toThrow(
    /'broken' did not start[\s\S]*no such disk \d+/,
  );
  await expect(startServer({ name: 'absent', words: ['no-such-program', '{port}'] })).rejects.toThrow(
    /ENOENT/,
  );
});
