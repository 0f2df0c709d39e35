import { quoteBytes } from '../base/quote.ts';
import type { Arguments } from '../resp/arguments.ts';
import type { Client } from './client.ts';

const REDACTED = Buffer.from('"(redacted)"');
const SPACE = Buffer.from(' ');
const LINE_END = Buffer.from('\r\n');
const MICROSECOND_DIGITS = 6;

/** The clients that watch all commands go by (MONITOR). */
export class MonitorTable {
  readonly #clients = new Set<Client>();
  size = 0;

  add(client: Client): void {
    this.#clients.add(client);
    this.size = this.#clients.size;
    client.isMonitor = true;
  }

  remove(client: Client): void {
    this.#clients.delete(client);
    this.size = this.#clients.size;
    client.isMonitor = false;
  }

  /**
   * Tells all of them of a command at a time in milliseconds since the epoch (replicationFeedMonitors). Where an argument's
   * number is among `redacted` its text is left out.
   */
  feed(
    client: Client,
    isFromScript: boolean,
    words: Arguments,
    redacted: readonly number[],
    nowMs: number,
  ): void {
    const microseconds = Math.floor(nowMs * 1000);
    const seconds = Math.floor(microseconds / 1e6);
    const fraction = `${microseconds - seconds * 1e6}`.padStart(MICROSECOND_DIGITS, '0');
    const origin = isFromScript ? 'lua' : originOf(client);
    const parts: Uint8Array[] = [
      Buffer.from(`+${seconds}.${fraction} [${client.databaseNumber} ${origin}]`, 'latin1'),
    ];
    for (let at = 0; at < words.count; at++) {
      parts.push(SPACE);
      parts.push(
        redacted.includes(at) ? REDACTED : quoteBytes(words.buffer, words.offsets[at], words.lengths[at]),
      );
    }
    parts.push(LINE_END);
    const line = Buffer.concat(parts);
    for (const monitor of this.#clients) monitor.transport.push(line, 0, line.length);
  }
}

function originOf(client: Client): string {
  const { address } = client.transport;
  return client.isOnUnixSocket ? `unix:${address.slice(0, -2)}` : address;
}
