import type { Client } from './client.ts';

/** Who is subscribed to what of one kind: channels, patterns of channels, or shard channels. */
export interface Subscriptions {
  /** Names that somebody is subscribed to. */
  readonly size: number;
  /** Subscribes a client to a name, which is copied; nothing changes if it is subscribed already. */
  subscribe(client: Client, name: Uint8Array, offset: number, length: number): void;
  /** Ends a client's subscription, if there is one. */
  unsubscribe(client: Client, name: Uint8Array, offset: number, length: number): void;
  /** The names that a client is subscribed to, in the order in which it came to them; the list is the caller's. */
  namesOf(client: Client): Uint8Array[];
  /** Clients subscribed to a name. */
  subscriberCount(name: Uint8Array, offset: number, length: number): number;
  /** The names that somebody is subscribed to, in no order; lent until a subscription changes. */
  names(): Iterable<Uint8Array>;
}

/** What commands do with messages between clients. */
export interface Publications {
  readonly channels: Subscriptions;
  readonly patterns: Subscriptions;
  readonly shardChannels: Subscriptions;
  /**
   * Sends a message to the subscribers of a channel and of the patterns that match it. Returns how many receive it: a
   * client counts once for each of its subscriptions.
   */
  publish(
    channel: Uint8Array,
    channelOffset: number,
    channelLength: number,
    message: Uint8Array,
    messageOffset: number,
    messageLength: number,
  ): number;
  /** As {@link publish} for a shard channel, which patterns don't match. */
  publishToShard(
    channel: Uint8Array,
    channelOffset: number,
    channelLength: number,
    message: Uint8Array,
    messageOffset: number,
    messageLength: number,
  ): number;
  /** Ends all subscriptions of a client without a word to it. */
  leave(client: Client): void;
}
