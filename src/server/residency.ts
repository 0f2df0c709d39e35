import { sliceBytes } from '../base/bytes.ts';
import type { KeyHash } from '../base/hash.ts';
import { parseInteger } from '../base/numbers.ts';
import type { Client } from '../command-table/client.ts';
import type { Command } from '../command-table/command.ts';
import { KeyPositions } from '../command-table/keys.ts';
import type { ElementNeed } from '../command-table/row.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { PageTable } from '../keyspace/page-table.ts';
import type { Entry } from '../keyspace/record.ts';
import { LOCATION_UPPER_MASK } from '../keyspace/slot-table.ts';
import type { Arguments } from '../resp/arguments.ts';
import type { ColdPlace, Tier } from '../tiering/tier.ts';
import { isHead, type NearPages, type NearValue, PAGE_IS_FAR } from '../types/pages/near.ts';
import type { Payload } from '../types/pages/record-store.ts';

/**
 * How often a command is sent for what is behind what was fetched before, such as the leaf below a tree's inner pages. After that it
 * reads by itself.
 */
const FETCH_ROUNDS_MAX = 6;
/** Records that are fetched at once for one command. */
const PLACES_MAX = 4096;

/**
 * The residency gate: before a command runs, finds which cold records it is going to read, and has them fetched off the main
 * thread. It is a prefetch: what it does not know of, the command reads by itself.
 *
 * It is at work only while reads go to the device. What is in RAM, is not written yet or was fetched lately is not waited for,
 * so that a command that runs after its last round finds all that could be told.
 */
export class ResidencyGate {
  readonly #keyspace: Keyspace;
  readonly #tier: Tier;
  readonly #keys = new KeyPositions();
  readonly #pages: PagesInGate;
  readonly #value: ValueInGate;
  /** How many fetches were begun, and how many of them have ended. */
  #begun = 0;
  #ended = 0;

  constructor(keyspace: Keyspace, tier: Tier) {
    this.#keyspace = keyspace;
    this.#tier = tier;
    this.#pages = new PagesInGate(tier);
    this.#value = new ValueInGate(this.#pages);
  }

  /** Whether a command must wait until cold records of its keys were fetched. Allocates nothing if there are none. */
  mustFetch(command: Command, words: Arguments, client: Client): boolean {
    if (!this.#tier.isFetchingAside) return false;
    // Others may have been resumed; what this one waits for is under way.
    if (client.awaitedFetch > this.#ended) return true;
    if (client.fetchRounds < FETCH_ROUNDS_MAX) {
      const pages = this.#pages;
      pages.notedCount = 0;
      if (client.queue !== null && command.row.name === 'exec') this.#gatherQueue(client);
      else this.#gather(command, words, client.databaseNumber);
      if (pages.notedCount > 0) {
        client.fetchRounds++;
        client.awaitedFetch = this.#begun + 1;
        return true;
      }
    }
    client.fetchRounds = 0;
    return false;
  }

  /** Has the records that commands wait for fetched; `done` is called when they are there. False if none wait. */
  fetch(done: () => void): boolean {
    const { places } = this.#pages;
    if (places.length === 0) return false;
    this.#pages.places = [];
    this.#begun++;
    this.#tier.fetch(places, () => {
      this.#ended++;
      done();
    });
    return true;
  }

  /** The commands of a transaction, together. */
  #gatherQueue(client: Client): void {
    const { queue } = client;
    if (queue === null || client.queueFailed || client.watchBroken) return;
    let { databaseNumber } = client;
    for (let at = 0; at < queue.length; at++) {
      const command = queue.commandAt(at);
      const words = queue.wordsAt(at);
      if (command.row.name === 'select' && words.count === 2) {
        databaseNumber = parseInteger(words.buffer, words.offsets[1], words.lengths[1]);
        if (this.#keyspace.databases[databaseNumber] === undefined) return;
      }
      this.#gather(command, words, databaseNumber);
    }
  }

  #gather(command: Command, words: Arguments, databaseNumber: number): void {
    const { row } = command;
    if (row.need === 'none') return;
    const database = this.#keyspace.databases[databaseNumber];
    const { positions } = this.#keys.find(row.keys, words);
    for (let number = 0; number < positions.length; number++) {
      const at = positions[number];
      const isCold = database.needsCold(words.buffer, words.offsets[at], words.lengths[at]);
      if (isCold && !this.#pages.isSlotNear(database)) continue;
      if (row.elements !== undefined) this.#gatherElements(database, row.elements, words, at);
    }
  }

  #gatherElements(database: Database, need: ElementNeed, words: Arguments, at: number): void {
    try {
      if (!database.peekWord(words, at) || !isHead(database.entry)) return;
      const value = this.#value;
      value.open(database);
      need(value, words, at);
    } catch (error) {
      // The command meets a record that can't be read again, and tells of it.
      if (error !== PAGE_IS_FAR && !(error instanceof ColdRecordError)) throw error;
    }
  }
}

/** The value in pages that the gate looks at. */
class ValueInGate implements NearValue {
  readonly entry = new Head();
  readonly pages: PagesInGate;

  constructor(pages: PagesInGate) {
    this.pages = pages;
  }

  /** Takes the value that a database found last. */
  open(database: Database): void {
    this.entry.take(database.entry);
    this.pages.table = database.pages;
  }

  reshape(): never {
    return changesNothing();
  }

  makeHot(): never {
    return changesNothing();
  }
}

/** The payload of its record, of which bytes that the tier lends are copied. */
class Head implements Payload {
  bytes: Uint8Array = new Uint8Array(0);
  type = 0;
  encoding = 0;
  payloadOffset = 0;
  payloadLength = 0;
  readonly hot = true;

  take(entry: Entry): void {
    const { bytes, payloadOffset, payloadLength } = entry;
    this.bytes = entry.hot ? bytes : sliceBytes(bytes, payloadOffset, payloadLength);
    this.payloadOffset = entry.hot ? payloadOffset : 0;
    this.payloadLength = payloadLength;
    this.type = entry.type;
    this.encoding = entry.encoding;
  }
}

/** The pages of its database: those that are far are noted among the places to be fetched. */
class PagesInGate implements NearPages {
  table!: PageTable;
  places: ColdPlace[] = [];
  /** How many places were noted for the command. */
  notedCount = 0;
  readonly #tier: Tier;

  constructor(tier: Tier) {
    this.#tier = tier;
  }

  get entry(): Payload {
    return this.table.entry;
  }

  get keyHash(): KeyHash {
    return this.table.keyHash;
  }

  get isFull(): boolean {
    return this.notedCount >= PLACES_MAX;
  }

  isNear(collection: number, structure: number, page: number): boolean {
    return !this.table.needsCold(collection, structure, page) || this.isSlotNear(this.table.records);
  }

  find(collection: number, structure: number, page: number): boolean {
    if (!this.isNear(collection, structure, page)) throw PAGE_IS_FAR;
    return this.table.peek(collection, structure, page);
  }

  /** Whether the record is near whose cold slot a database's table stopped at; if it is not, it is noted. */
  isSlotNear({ table }: Database): boolean {
    const upper = table.word0 & LOCATION_UPPER_MASK;
    const lower = table.word1;
    if (this.#tier.isNear(upper, lower)) return true;
    this.places.push({ upper, lower });
    this.notedCount++;
    return false;
  }

  findToRemove(): never {
    return changesNothing();
  }

  takeCollection(): never {
    return changesNothing();
  }

  create(): never {
    return changesNothing();
  }

  remove(): never {
    return changesNothing();
  }

  reshape(): never {
    return changesNothing();
  }

  makeHot(): never {
    return changesNothing();
  }
}

function changesNothing(): never {
  throw new Error('the residency gate changes nothing');
}
