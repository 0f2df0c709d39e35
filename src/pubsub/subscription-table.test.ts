import { describe, expect, test } from 'vitest';
import { KeyHash } from '../base/hash.ts';
import { Client, type Transport } from '../command-table/client.ts';
import { SubscriptionTable } from './subscription-table.ts';

const NOWHERE = {} as Transport;

/** A hash by which many names meet. */
class PoorHash extends KeyHash {
  override hashBytes(_bytes: Uint8Array, _offset: number, length: number): number {
    return length & 1;
  }
}

describe.each([
  ['a good hash', new KeyHash(1, 2)],
  ['a poor hash', new PoorHash(1, 2)],
])('with %s', (_, hash) => {
  test('subscriptions come and go as in a model', () => {
    const table = new SubscriptionTable(hash, 'channelCount');
    const clients = [1, 2, 3].map((id) => new Client(id, NOWHERE, 0));
    const names = Array.from({ length: 20 }, (_unused, at) =>
      Buffer.from(`channel ${'x'.repeat(at % 5)}${at}`),
    );
    const model = new Set<string>();
    const held = (name: Buffer) => clients.filter((client) => model.has(`${client.id} ${name}`)).length;
    for (let step = 0; step < 2000; step++) {
      const client = clients[(step * 7) % 3];
      const name = names[(step * step + step * 3) % 20];
      if ((step * 13) % 5 < 2) {
        table.unsubscribe(client, name, 0, name.length);
        model.delete(`${client.id} ${name}`);
      } else {
        table.subscribe(client, name, 0, name.length);
        model.add(`${client.id} ${name}`);
      }
      if (step % 500 === 499) {
        table.unsubscribeAll(client);
        for (const entry of model) if (entry.startsWith(`${client.id} `)) model.delete(entry);
      }
      expect(table.subscriberCount(name, 0, name.length)).toBe(held(name));
    }
    expect(table.size).toBe(names.filter((name) => held(name) > 0).length);
    for (const client of clients) {
      const own = [...model].filter((entry) => entry.startsWith(`${client.id} `));
      expect(client.channelCount).toBe(own.length);
      expect(
        table
          .namesOf(client)
          .map((name) => `${client.id} ${Buffer.from(name)}`)
          .sort(),
      ).toEqual(own.sort());
    }
    expect([...table.names()].length).toBe(table.size);
    for (const client of clients) table.unsubscribeAll(client);
    expect([table.size, table.byteCount, ...clients.map((client) => client.channelCount)]).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });
});
