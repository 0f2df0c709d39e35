import { copyBytes, latin1Bytes } from '../base/bytes.ts';
import { globMatch } from '../base/glob.ts';
import type { KeyHash } from '../base/hash.ts';
import type { Client } from '../command-table/client.ts';
import type { Publications } from '../command-table/publications.ts';
import { NOTIFY_KEYEVENT, NOTIFY_KEYSPACE } from '../keyspace/keyspace.ts';
import { Encoder } from '../resp/encoder.ts';
import { Outbox } from './outbox.ts';
import { SubscriptionTable, type Topic } from './subscription-table.ts';

/** First bytes of an array, as which RESP2 sends a message, and of a push of RESP3. */
const ARRAY = 42;
const PUSH = 62;
const CHANNEL_BYTES_INITIAL = 256;
/** What grew beyond this for a large message or name is given back. */
const SCRATCH_BYTES_KEPT = 256 * 1024;

/**
 * Sends messages to subscribers. A message is encoded once for each protocol that its receivers speak, and all of them are
 * handed the same bytes.
 */
export class Publisher implements Publications {
  readonly channels: SubscriptionTable;
  readonly patterns: SubscriptionTable;
  readonly shardChannels: SubscriptionTable;
  readonly #encoder = new Encoder();
  readonly #arrays = new Outbox();
  readonly #pushes = new Outbox();
  /** The channel of a keyspace event is put together here. */
  #channel = new Uint8Array(CHANNEL_BYTES_INITIAL);
  /** Names of events as bytes; there are few. */
  readonly #eventNames = new Map<string, Uint8Array>();
  /** Beginnings of channels by the database's number. */
  readonly #keyspacePrefixes: Uint8Array[] = [];
  readonly #keyeventPrefixes: Uint8Array[] = [];

  /** `hash` may be shared. */
  constructor(hash: KeyHash) {
    this.channels = new SubscriptionTable(hash, 'channelCount');
    this.patterns = new SubscriptionTable(hash, 'patternCount');
    this.shardChannels = new SubscriptionTable(hash, 'shardChannelCount');
  }

  /** Bytes that the subscriptions take. */
  get byteCount(): number {
    return this.channels.byteCount + this.patterns.byteCount + this.shardChannels.byteCount;
  }

  publish(
    channel: Uint8Array,
    channelOffset: number,
    channelLength: number,
    message: Uint8Array,
    messageOffset: number,
    messageLength: number,
  ): number {
    let receivers = 0;
    const topic = this.channels.find(channel, channelOffset, channelLength);
    if (topic !== null) {
      this.#begin(3, 'message');
      receivers = this.#send(
        topic,
        channel,
        channelOffset,
        channelLength,
        message,
        messageOffset,
        messageLength,
      );
    }
    if (this.patterns.size === 0) return receivers;
    for (const chain of this.patterns.chains()) {
      for (let pattern: Topic | null = chain; pattern !== null; pattern = pattern.next) {
        if (!matches(pattern.name, channel, channelOffset, channelLength)) continue;
        this.#begin(4, 'pmessage');
        this.#encoder.bulk(pattern.name, 0, pattern.name.length);
        receivers += this.#send(
          pattern,
          channel,
          channelOffset,
          channelLength,
          message,
          messageOffset,
          messageLength,
        );
      }
    }
    return receivers;
  }

  publishToShard(
    channel: Uint8Array,
    channelOffset: number,
    channelLength: number,
    message: Uint8Array,
    messageOffset: number,
    messageLength: number,
  ): number {
    const topic = this.shardChannels.find(channel, channelOffset, channelLength);
    if (topic === null) return 0;
    this.#begin(3, 'smessage');
    return this.#send(topic, channel, channelOffset, channelLength, message, messageOffset, messageLength);
  }

  leave(client: Client): void {
    this.channels.unsubscribeAll(client);
    this.patterns.unsubscribeAll(client);
    this.shardChannels.unsubscribeAll(client);
  }

  /**
   * Publishes a change of a key on the channels that `flags` name: `__keyspace@<database>__:<key>` with the event as
   * the message, `__keyevent@<database>__:<event>` with the key (notifyKeyspaceEvent).
   */
  notify(
    flags: number,
    event: string,
    databaseNumber: number,
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
  ): void {
    if (this.channels.size === 0 && this.patterns.size === 0) return;
    let name = this.#eventNames.get(event);
    if (name === undefined) {
      name = latin1Bytes(event);
      this.#eventNames.set(event, name);
    }
    if ((flags & NOTIFY_KEYSPACE) !== 0) {
      this.#keyspacePrefixes[databaseNumber] ??= latin1Bytes(`__keyspace@${databaseNumber}__:`);
      const length = this.#fillChannel(this.#keyspacePrefixes[databaseNumber], key, keyOffset, keyLength);
      this.publish(this.#channel, 0, length, name, 0, name.length);
    }
    if ((flags & NOTIFY_KEYEVENT) !== 0) {
      this.#keyeventPrefixes[databaseNumber] ??= latin1Bytes(`__keyevent@${databaseNumber}__:`);
      const length = this.#fillChannel(this.#keyeventPrefixes[databaseNumber], name, 0, name.length);
      this.publish(this.#channel, 0, length, key, keyOffset, keyLength);
    }
    if (this.#channel.length > SCRATCH_BYTES_KEPT) this.#channel = new Uint8Array(CHANNEL_BYTES_INITIAL);
  }

  /** Begins a message of `count` elements, of which the kind is the first. */
  #begin(count: number, kind: string): void {
    this.#encoder.length = 0;
    this.#encoder.array(count);
    this.#encoder.bulkText(kind);
  }

  /** Ends a message by channel and text, and hands it to a topic's subscribers. Returns their number. */
  #send(
    topic: Topic,
    channel: Uint8Array,
    channelOffset: number,
    channelLength: number,
    message: Uint8Array,
    messageOffset: number,
    messageLength: number,
  ): number {
    const encoder = this.#encoder;
    encoder.bulk(channel, channelOffset, channelLength);
    encoder.bulk(message, messageOffset, messageLength);
    let isArrayReady = false;
    let isPushReady = false;
    for (const client of topic.subscribers) {
      if (client.protocol === 3) {
        const outbox = this.#pushes;
        if (!isPushReady) outbox.append(encoder.buffer, encoder.length, PUSH);
        isPushReady = true;
        client.transport.push(outbox.block, outbox.start, outbox.end);
      } else {
        const outbox = this.#arrays;
        if (!isArrayReady) outbox.append(encoder.buffer, encoder.length, ARRAY);
        isArrayReady = true;
        client.transport.push(outbox.block, outbox.start, outbox.end);
      }
    }
    if (encoder.buffer.length > SCRATCH_BYTES_KEPT) {
      encoder.release();
      this.#arrays.release();
      this.#pushes.release();
    }
    return topic.subscribers.size;
  }

  /** Puts a channel's name together of two parts; returns its length. */
  #fillChannel(prefix: Uint8Array, name: Uint8Array, offset: number, length: number): number {
    const total = prefix.length + length;
    if (total > this.#channel.length) this.#channel = new Uint8Array(total * 2);
    copyBytes(prefix, 0, this.#channel, 0, prefix.length);
    copyBytes(name, offset, this.#channel, prefix.length, length);
    return total;
  }
}

/** Whether a pattern matches a channel. The empty name is matched by the empty pattern only, as Redis's stringmatchlen has it. */
function matches(pattern: Uint8Array, channel: Uint8Array, offset: number, length: number): boolean {
  if (length === 0) return pattern.length === 0;
  return globMatch(pattern, 0, pattern.length, channel, offset, length, false);
}
