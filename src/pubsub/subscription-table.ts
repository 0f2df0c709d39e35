import { equalBytes, sliceBytes } from '../base/bytes.ts';
import type { KeyHash } from '../base/hash.ts';
import type { Client } from '../command-table/client.ts';
import type { Subscriptions } from '../command-table/publications.ts';

/** Names share the entry of a map by these bits of their hash, since a Map can't hold more than 2^24 entries. */
const HASH_MASK = 0x3fffff;
/** Bytes of JavaScript objects that a topic and a client's subscription to it cost besides the name. */
const TOPIC_BYTES = 384;
const SUBSCRIPTION_BYTES = 64;

/** A name with those who are subscribed to it. */
export interface Topic {
  /** Never changed. */
  readonly name: Uint8Array;
  readonly hash: number;
  readonly subscribers: Set<Client>;
  /** The next topic of the same hash. */
  next: Topic | null;
}

/** Where a client counts its subscriptions of a kind. */
type Count = 'channelCount' | 'patternCount' | 'shardChannelCount';

/** Who is subscribed to what of one kind. A topic is found by its bytes, without making a string. */
export class SubscriptionTable implements Subscriptions {
  size = 0;
  readonly #hash: KeyHash;
  readonly #count: Count;
  readonly #topics = new Map<number, Topic>();
  readonly #topicsOfClients = new Map<Client, Set<Topic>>();
  #nameBytes = 0;
  #subscriptionCount = 0;

  /** `hash` may be shared; `count` names the client's counter that the table keeps. */
  constructor(hash: KeyHash, count: Count) {
    this.#hash = hash;
    this.#count = count;
  }

  /** Bytes that the table takes. */
  get byteCount(): number {
    return this.#nameBytes + this.size * TOPIC_BYTES + this.#subscriptionCount * SUBSCRIPTION_BYTES;
  }

  /** The topic of a name, or null if nobody is subscribed to it. */
  find(name: Uint8Array, offset: number, length: number): Topic | null {
    return this.size === 0 ? null : this.#find(this.#hashOf(name, offset, length), name, offset, length);
  }

  subscribe(client: Client, name: Uint8Array, offset: number, length: number): void {
    const hash = this.#hashOf(name, offset, length);
    const topic = this.#find(hash, name, offset, length) ?? this.#add(hash, sliceBytes(name, offset, length));
    if (topic.subscribers.has(client)) return;
    topic.subscribers.add(client);
    let topics = this.#topicsOfClients.get(client);
    if (topics === undefined) {
      topics = new Set();
      this.#topicsOfClients.set(client, topics);
    }
    topics.add(topic);
    this.#subscriptionCount++;
    client[this.#count]++;
  }

  unsubscribe(client: Client, name: Uint8Array, offset: number, length: number): void {
    const topic = this.find(name, offset, length);
    const topics = this.#topicsOfClients.get(client);
    if (topic === null || topics?.delete(topic) !== true) return;
    if (topics.size === 0) this.#topicsOfClients.delete(client);
    this.#leave(client, topic);
  }

  /** Ends all subscriptions of a client. */
  unsubscribeAll(client: Client): void {
    const topics = this.#topicsOfClients.get(client);
    if (topics === undefined) return;
    this.#topicsOfClients.delete(client);
    for (const topic of topics) this.#leave(client, topic);
  }

  namesOf(client: Client): Uint8Array[] {
    return [...(this.#topicsOfClients.get(client) ?? [])].map((topic) => topic.name);
  }

  subscriberCount(name: Uint8Array, offset: number, length: number): number {
    return this.find(name, offset, length)?.subscribers.size ?? 0;
  }

  *names(): Iterable<Uint8Array> {
    for (const chain of this.chains()) {
      for (let topic: Topic | null = chain; topic !== null; topic = topic.next) yield topic.name;
    }
  }

  /** All topics, as the beginnings of chains that go on by `next`. */
  chains(): Iterable<Topic> {
    return this.#topics.values();
  }

  #hashOf(name: Uint8Array, offset: number, length: number): number {
    return this.#hash.hashBytes(name, offset, length) & HASH_MASK;
  }

  #find(hash: number, name: Uint8Array, offset: number, length: number): Topic | null {
    let topic = this.#topics.get(hash) ?? null;
    while (topic !== null) {
      if (topic.name.length === length && equalBytes(topic.name, 0, name, offset, length)) return topic;
      topic = topic.next;
    }
    return null;
  }

  #add(hash: number, name: Uint8Array): Topic {
    const topic: Topic = { name, hash, subscribers: new Set(), next: this.#topics.get(hash) ?? null };
    this.#topics.set(hash, topic);
    this.size++;
    this.#nameBytes += name.length;
    return topic;
  }

  #leave(client: Client, topic: Topic): void {
    topic.subscribers.delete(client);
    this.#subscriptionCount--;
    client[this.#count]--;
    if (topic.subscribers.size === 0) this.#remove(topic);
  }

  #remove(topic: Topic): void {
    this.size--;
    this.#nameBytes -= topic.name.length;
    const first = this.#topics.get(topic.hash) as Topic;
    if (first !== topic) {
      let before = first;
      while (before.next !== topic) before = before.next as Topic;
      before.next = topic.next;
    } else if (topic.next === null) this.#topics.delete(topic.hash);
    else this.#topics.set(topic.hash, topic.next);
  }
}
