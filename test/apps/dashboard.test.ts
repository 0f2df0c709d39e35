import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { connect, type TestClient } from '../support/client.ts';
import { eventually, freePort, startThermocline } from '../support/servers.ts';
import { hasBrowser, startBrowser } from './browser.ts';

/** Contrast of two colours as `rgb(…)` (WCAG 2.2, relative luminance). */
function contrast(one: string, other: string): number {
  const luminance = (color: string) => {
    const [red, green, blue] = (color.match(/\d+/g) ?? []).slice(0, 3).map((text) => {
      const value = Number(text) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light, dark] = [luminance(one), luminance(other)].sort((left, right) => right - left);
  return (light + 0.05) / (dark + 0.05);
}

describe.skipIf(!hasBrowser)('the dashboard in Chromium', () => {
  let client: TestClient;
  let browser: Browser;
  let url: string;
  const complaints: string[] = [];

  /** The page as it is once two answers have come, so that there are rates. */
  async function open(width: number, colorScheme: 'light' | 'dark', address = url): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(address);
    await page.locator('#operations-text', { hasText: 'between' }).waitFor();
    return page;
  }

  async function keep(page: Page, name: string): Promise<void> {
    const directory = process.env.THERMOCLINE_SCREENSHOTS;
    if (directory === undefined) return;
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `dashboard-${name}.png`), await page.screenshot({ fullPage: true }));
  }

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}/`;
    const server = await startThermocline({
      'dashboard-port': port,
      'enable-flex': true,
      maxmemory: '64mb',
      'slowlog-log-slower-than': 0,
      'flex-slowlog-log-slower-than': 0,
    });
    client = await connect(server.port);
    await client.call('SET', '<img src=x onerror=alert(1)>', 'v'.repeat(20_000));
    for (let at = 0; at < 200; at++) await client.call('SET', `key:${at}`, 'v'.repeat(500));
    for (let at = 0; at < 100; at++) {
      await client.call('FLEX', 'DEMOTE', `key:${at}`);
      await client.call('GET', `key:${at}`);
    }
    browser = await startBrowser();
  });

  test('shows the figures as they change, and names of keys as text', async () => {
    const page = await open(1600, 'light');
    const tile = (name: string) => page.locator('#now div', { hasText: name }).locator('dd');
    await eventually(
      async () => (await tile('Keys').first().textContent()) === '201',
      'the keys are counted',
    );
    await client.call('SET', 'another', 'value');
    await eventually(
      async () => (await tile('Keys').first().textContent()) === '202',
      'they are counted again',
    );
    await page.locator('#largest', { hasText: '<img src=x onerror=alert(1)>' }).waitFor();
    expect(await page.locator('img').count()).toBe(0);
    await page.locator('#slow', { hasText: 'SET another value' }).waitFor();
    await page.locator('#cold-slow', { hasText: 'key:99' }).waitFor();
    for (const chart of ['operations', 'looks', 'memory', 'storage', 'reads'])
      expect([chart, await page.locator(`#${chart} > *`).count()]).not.toEqual([chart, 0]);
    expect(await page.locator('#status').textContent()).toBe('Live');
    await keep(page, 'light');
    await page.close();
  });

  test.each([
    [360, 'light'],
    [360, 'dark'],
    [1600, 'dark'],
  ] as const)('fits %d pixels, in %s colours of enough contrast', async (width, scheme) => {
    const page = await open(width, scheme);
    await page.locator('#largest td').first().waitFor();
    const [scrolled, seen] = (await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')) as [
      number,
      number,
    ];
    expect(scrolled).toBeLessThanOrEqual(seen);
    const colors = (await page.evaluate(`
      [...document.querySelectorAll('h1, h2, p, dt, dd, th, td, summary, button, svg text, .legend span')]
        .filter((element) => element.getClientRects().length > 0)
        .map((element) => {
          let behind = element;
          while (behind !== null && /rgba\\(.*, 0\\)/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
          const style = getComputedStyle(element);
          return [element.matches('svg text') ? style.fill : style.color, getComputedStyle(behind).backgroundColor];
        })`)) as [string, string][];
    expect(colors.length).toBeGreaterThan(40);
    for (const [text, background] of colors) expect(contrast(text, background)).toBeGreaterThanOrEqual(4.5);
    await keep(page, `${scheme}-${width}`);
    await page.close();
  });

  test('is used with the keyboard, and has the charts as tables', async () => {
    const page = await open(1200, 'light');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.className')).toBe('skip');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.id')).toBe('pause');
    await page.keyboard.press('Enter');
    expect(await page.locator('#status').textContent()).toBe('Paused');
    expect(await page.locator('#pause').getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press('Enter');
    await page.locator('#status', { hasText: 'Live' }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#operations-table th', { hasText: 'Operations per second' }).waitFor();
    for (const summary of await page.locator('summary').all()) {
      await summary.focus();
      if ((await summary.locator('..').getAttribute('open')) === null) await page.keyboard.press('Enter');
    }
    await page.locator('#reads-table td', { hasText: '5 µs' }).first().waitFor();
    await page.locator('#looks-table th', { hasText: 'In RAM per second' }).waitFor();
    const tree = await page.locator('body').ariaSnapshot();
    for (const part of ['banner', 'main', 'heading "Latency of cold reads"', 'region "RAM"', 'status: Live'])
      expect(tree).toContain(part);
    await page.close();
  });

  test('says when the server does not answer, and goes on when it does', async () => {
    const page = await open(1200, 'dark');
    await page.route('**/figures.json', (route) => route.abort());
    await page.locator('#status.alarm', { hasText: 'No figures from the server' }).waitFor();
    await page.unroute('**/figures.json');
    await page.locator('#status', { hasText: 'Live' }).waitFor();
    complaints.length = 0;
    await page.close();
  });

  test('asks for the password of a user', async () => {
    await client.call('ACL', 'SETUSER', 'default', '>secret');
    const context = await browser.newContext({
      httpCredentials: { username: 'default', password: 'secret' },
    });
    const page = await context.newPage();
    await page.goto(url);
    await page.locator('#status', { hasText: 'Live' }).waitFor();
    await context.close();
    await client.call('ACL', 'SETUSER', 'default', 'nopass');
  });

  test('without a complaint of the browser', () => {
    expect(complaints).toEqual([]);
  });
});
