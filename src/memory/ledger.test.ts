import { expect, test } from 'vitest';
import { Ledger } from './ledger.ts';

const MEBIBYTE = 1024 * 1024;

test('used memory is the sum of what the accounts measure now', () => {
  const ledger = new Ledger();
  let records = 100;
  ledger.open('records', () => records);
  ledger.open('clients', () => 20);
  expect([ledger.usedBytes, ledger.bytesOf('records'), ledger.bytesOf('tier')]).toEqual([120, 100, 0]);
  records = 50;
  expect(ledger.usedBytes).toBe(70);
});

test('the peak is the largest sum observed', () => {
  const ledger = new Ledger();
  let records = 100;
  ledger.open('records', () => records);
  ledger.observe(0, 0, 0);
  records = 10;
  ledger.observe(0, 0, 0);
  expect(ledger.peakBytes).toBe(100);
});

test('what the process holds beyond accounts, idle memory and the allowance is charged, up to a limit', () => {
  const ledger = new Ledger();
  ledger.open('records', () => 100 * MEBIBYTE);
  ledger.observe(164 * MEBIBYTE, 0, 50 * MEBIBYTE);
  expect(ledger.chargedBytes).toBe(100 * MEBIBYTE);
  ledger.observe(194 * MEBIBYTE, 10 * MEBIBYTE, 50 * MEBIBYTE);
  expect(ledger.chargedBytes).toBe(120 * MEBIBYTE);
  ledger.observe(500 * MEBIBYTE, 0, 50 * MEBIBYTE);
  expect(ledger.chargedBytes).toBe(150 * MEBIBYTE);
  expect(ledger.residentAnonymousBytes).toBe(500 * MEBIBYTE);
});
