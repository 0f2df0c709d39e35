import type { Client } from './client.ts';

/** What a client that asks for the data set has told of itself (REPLCONF). */
export interface TransferRequest {
  /** It reads a file whose length is not told beforehand (`capa eof`). */
  takesStream: boolean;
  /** It wants a copy and no more (`rdb-only`). */
  wantsCopyOnly: boolean;
  /** It listens on a port, as a replica does. */
  isReplica: boolean;
  /** What it wants to have (`rdb-filter-only`). */
  wantsKeys: boolean;
  wantsFunctions: boolean;
}

/** What commands do with copies of the data set that are sent to clients. */
export interface TransferControl {
  /** What a client has told so far, to be changed. */
  requestOf(client: Client): TransferRequest;
  /** Sends the data set to a client as an RDB file, when that can be done, and closes the connection behind it. */
  begin(client: Client): void;
}
