import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { atEnd } from '../support/servers.ts';

const CHROMIUM = '/usr/bin/chromium';

/** As root, on a machine whose network is closed. */
const OPTIONS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Whether the browser that the tests use is there; without it they are skipped. */
export const hasBrowser = existsSync(CHROMIUM);
if (!hasBrowser) console.warn(`No test in a browser is run: ${CHROMIUM} is not installed.`);

/** A headless browser, closed at the end of the test or file. */
export async function startBrowser(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: OPTIONS });
  atEnd(() => browser.close());
  return browser;
}
