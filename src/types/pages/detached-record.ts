import { type PageStore, type Payload, type RecordStore, roomFor, type ValueStore } from './record-store.ts';

/** A value that no key has yet: what a command builds before it is stored. Its own bytes are in the V8 heap. */
export class DetachedRecord implements RecordStore, Payload {
  bytes: Uint8Array;
  encoding: number;
  payloadLength: number;
  readonly payloadOffset = 0;
  readonly hot = true;

  /** `payloadLength` zeros. */
  constructor(encoding: number, payloadLength: number) {
    this.encoding = encoding;
    this.payloadLength = payloadLength;
    this.bytes = new Uint8Array(Math.max(64, payloadLength));
  }

  get entry(): Payload {
    return this;
  }

  reshape(payloadLength: number, _room: number, encoding: number): Payload {
    this.encoding = encoding;
    if (payloadLength > this.bytes.length) {
      const larger = new Uint8Array(roomFor(payloadLength));
      larger.set(this.bytes.subarray(0, this.payloadLength));
      this.bytes = larger;
    }
    this.payloadLength = payloadLength;
    return this;
  }

  makeHot(): Payload {
    return this;
  }
}

/** Such a value together with the pages of the database that it is to be in. */
export class DetachedValue extends DetachedRecord implements ValueStore {
  readonly pages: PageStore;

  constructor(encoding: number, payloadLength: number, pages: PageStore) {
    super(encoding, payloadLength);
    this.pages = pages;
  }
}
