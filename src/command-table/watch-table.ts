import { latin1 } from '../base/bytes.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Client } from './client.ts';

/**
 * Which clients watch which keys (WATCH). A key is named by its database's number and its bytes. A key that had expired
 * when it was watched does not break the watch by being removed; one that expires later does.
 */
export class WatchTable {
  /** Watching clients by key, each with whether the key had expired already when it began to watch. */
  readonly #clients = new Map<string, Map<Client, boolean>>();

  get keyCount(): number {
    return this.#clients.size;
  }

  watch(
    client: Client,
    database: number,
    key: Uint8Array,
    offset: number,
    length: number,
    hasExpired: boolean,
  ): void {
    const name = watchName(database, key, offset, length);
    if (client.watched.has(name)) return;
    client.watched.add(name);
    let clients = this.#clients.get(name);
    if (clients === undefined) {
      clients = new Map();
      this.#clients.set(name, clients);
    }
    clients.set(client, hasExpired);
  }

  unwatchAll(client: Client): void {
    for (const name of client.watched) {
      const clients = this.#clients.get(name);
      clients?.delete(client);
      if (clients?.size === 0) this.#clients.delete(name);
    }
    client.watched.clear();
    client.watchBroken = false;
  }

  /** Whether a key that a client watches has expired since, though nobody has removed it yet (isWatchedKeyExpired). */
  hasExpired(client: Client, keyspace: Keyspace): boolean {
    for (const name of client.watched) {
      if (this.#clients.get(name)?.get(client) === true) continue;
      const separator = name.indexOf(':');
      const key = Buffer.from(name.slice(separator + 1), 'latin1');
      if (keyspace.databases[Number(name.slice(0, separator))].isExpired(key, 0, key.length)) return true;
    }
    return false;
  }

  /** A key changed: the EXEC of those who watch it will answer null. */
  touch(database: number, key: Uint8Array, offset: number, length: number): void {
    if (this.#clients.size === 0) return;
    const clients = this.#clients.get(watchName(database, key, offset, length));
    if (clients === undefined) return;
    for (const [client, hasExpired] of clients) {
      // Removing what had expired before is no change to who watches; from then on the key is plainly missing.
      if (hasExpired) clients.set(client, false);
      else client.watchBroken = true;
    }
  }

  /**
   * The keys of a database are about to be those of `next`, or none (FLUSHDB, SWAPDB): breaks the watches of those that are there
   * before or after (touchAllWatchedKeysInDb). A key that has expired is as good as missing.
   */
  touchDatabase(database: number, previous: Database, next: Database | null): void {
    for (const [name, clients] of this.#clients) {
      const separator = name.indexOf(':');
      if (Number(name.slice(0, separator)) !== database) continue;
      const key = Buffer.from(name.slice(separator + 1), 'latin1');
      const wasThere = previous.peekRaw(key, 0, key.length);
      const isThere = next?.peekRaw(key, 0, key.length) === true;
      if (!wasThere && !isThere) continue;
      const isStale = isThere && next.isExpired(key, 0, key.length);
      for (const [client, hadExpired] of clients) {
        if (hadExpired && !isThere) clients.set(client, false);
        else if (isStale && (hadExpired || !wasThere)) clients.set(client, true);
        else client.watchBroken = true;
      }
    }
  }
}

function watchName(database: number, key: Uint8Array, offset: number, length: number): string {
  return `${database}:${latin1(key, offset, length)}`;
}
