import { expect, test } from 'vitest';
import { checkTitleTemplate, expandTitle } from './title-template.ts';

const values = (name: string) => (name === 'unixsocket' ? '' : `<${name}>`);

test.each([
  ['{title} {listen-addr} {server-mode}', '<title> <listen-addr> <server-mode>'],
  ['TEST {Port}-{tls-port} {unixsocket}', 'TEST <port>-<tls-port>'],
  ['a{{b} {config-file}', 'a{b} <config-file>'],
  ['plain', 'plain'],
])('%s', (template, expected) => {
  expect(expandTitle(template, values)).toBe(expected);
  expect(checkTitleTemplate(template)).toBeUndefined();
});

test.each(['{invalid-var}', '{title', 'a {', '{}', '', '   '])('refuses "%s"', (template) => {
  expect(checkTitleTemplate(template)).toBe('template format is invalid or contains unknown variables');
});
