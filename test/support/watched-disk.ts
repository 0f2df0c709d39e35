import { systemFiles } from '../../src/base/files.ts';
import type { TierDisk } from '../../src/server/engine.ts';
import { type Blocks, lmdbStorage } from '../../src/tiering/cold-store-environment.ts';

/** The machine's disk as the tier uses it, with a look at what is read and written, and with faults that a test asks for. */
export class WatchedDisk {
  /** Called before blocks are written. */
  onWrite: () => void = () => {};
  /** Called before a block is read; whether it was fetched before. */
  onRead: (isFetched: boolean) => void = () => {};
  /** Blocks that are read come back with a flipped bit in every 64 bytes. */
  damages = false;
  /** Takes what begins a write, to call it later. */
  holdsWrites: ((proceed: () => void) => void) | null = null;
  /** Why blocks can't be read, or written, as long as they can't. */
  readError: Error | null = null;
  writeError: Error | null = null;
  /** Blocks that were read, and those of them that had not been fetched. */
  readCount = 0;
  unfetchedReadCount = 0;
  fetchCount = 0;
  fetchedCount = 0;
  readonly disk: TierDisk = {
    files: systemFiles,
    storage: {
      lock: lmdbStorage.lock,
      open: (path, blockLimit, isReadOnly) => this.#watch(lmdbStorage.open(path, blockLimit, isReadOnly)),
    },
  };
  readonly #writes: Promise<void>[] = [];
  #fetches: (() => void)[] = [];

  /** Whether blocks are being fetched, which goes on until `endFetch`. */
  get isFetching(): boolean {
    return this.#fetches.length > 0;
  }

  endFetch(): void {
    for (const end of this.#fetches.splice(0)) end();
  }

  /** Resolves when all that was written is on the disk. */
  async settle(): Promise<void> {
    while (this.#writes.length > 0) {
      await Promise.all(this.#writes.splice(0));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #watch(blocks: Blocks): Blocks {
    const fetched = new Set<number>();
    return {
      write: (firstBlock, all, count) => {
        this.onWrite();
        if (this.writeError !== null) return Promise.reject(this.writeError);
        const { holdsWrites } = this;
        const written =
          holdsWrites === null
            ? blocks.write(firstBlock, all, count)
            : new Promise<void>(holdsWrites).then(() => blocks.write(firstBlock, all, count));
        this.#writes.push(written);
        return written;
      },
      writeAtOnce: (firstBlock, all, count) => {
        this.onWrite();
        if (this.writeError !== null) throw this.writeError;
        blocks.writeAtOnce(firstBlock, all, count);
      },
      get: (block) => {
        this.readCount++;
        if (!fetched.has(block)) this.unfetchedReadCount++;
        this.onRead(fetched.has(block));
        if (this.readError !== null) throw this.readError;
        const found = blocks.get(block);
        return found !== undefined && this.damages ? damaged(found) : found;
      },
      prefetch: (wanted, done) => {
        this.fetchCount++;
        this.fetchedCount += wanted.length;
        for (const block of wanted) fetched.add(block);
        this.#fetches.push(done);
      },
      close: () => blocks.close(),
    };
  }
}

function damaged(block: Buffer): Buffer {
  const bytes = Buffer.from(block);
  for (let at = 0; at < bytes.length; at += 64) bytes[at] ^= 0x40;
  return bytes;
}
