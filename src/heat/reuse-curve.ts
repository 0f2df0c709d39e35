/** Bits of a tag: the part of a key's hash by which keys are chosen. */
const TAG_BITS = 23;
const TAG_LIMIT = 1 << TAG_BITS;
/** At the start one key in so many is sampled, so that of all accesses few cost more than a comparison. */
const RATE_DIVISOR_MIN = 32;
/** Samples that there is room for at first, which doubles; at most, and the part of those that is kept when there are as many. */
const SAMPLES_MIN = 1 << 10;
const SAMPLES_MAX = 1 << 13;
const KEPT_FRACTION = 7 / 8;
/** Positions are summed in blocks of 32, so that most of what an access looks at lies together. */
const BLOCK_SHIFT = 5;
/** For each sample so many places in their table and in the order of last accesses, of which the others stay empty. */
const PLACES_PER_SAMPLE = 2;
/** Each doubling of the distance is cut into so many buckets. */
const BUCKETS_PER_DOUBLING = 16;
const DOUBLINGS = 52;
const BUCKET_COUNT = DOUBLINGS * BUCKETS_PER_DOUBLING;
/** So that 4 bits of a double's fraction are left of its upper word. */
const BUCKET_SHIFT = 16;
const FIRST_BUCKET = 1023 * BUCKETS_PER_DOUBLING;
const double = new Float64Array(1);
const doubleWords = new Uint32Array(double.buffer);
/** Sampled reads after which all that was counted weighs half. */
const READS_TO_HALVE = 1 << 20;

/**
 * A live estimate of the miss-ratio curve: how many of the reads would find their key in an LRU cache of so many bytes.
 *
 * The distance of a read is the bytes of all keys that were used since its key was used last, its own among them: the least
 * LRU cache that would have it. Keys are sampled by their hash and distances scaled up by the rate, and the rate is lowered
 * whenever there are too many samples: SHARDS of fixed size with its adjustment (Waldspurger, Park, Garthwaite, Ahmad:
 * "Efficient MRC Construction with SHARDS", FAST 2015). Distances are sums in a Fenwick tree over blocks of the order of last accesses.
 * Where the paper drops one sample at a time from a queue by hashes, an eighth of them goes at once.
 *
 * The oldest reads count for less and less. A read of a key that was never seen before has no distance: a miss at any size.
 */
export class ReuseCurve {
  /** Keys with tags below this are sampled: those that {@link note} and {@link forget} are to be called with. 0 before `begin`. */
  tagLimit = 0;
  /** Keys that are sampled at present. */
  sampleCount = 0;

  /** Samples that there is room for. */
  #capacity = 0;
  /** Places in the table less 1. */
  #placeMask = 0;
  /** By place in the table: a key's tag plus 1, or 0; the rest of what identifies it; its position. */
  #tags = new Int32Array(0);
  #rests = new Int32Array(0);
  #positions = new Int32Array(0);
  /** By position in the order of last accesses: the place in the table of who has it, or -1; its bytes, or 0. */
  #owners = new Int32Array(0);
  #sizes = new Float64Array(0);
  /** The Fenwick tree, from 1 on: sums of the sizes in blocks of positions. */
  #blockSums = new Float64Array(0);
  #sizeTotal = 0;
  #nextPosition = 1;
  readonly #counts = new Float64Array(BUCKET_COUNT);
  /** Sampled reads, those of keys never seen before among them. */
  #sampledReads = 0;
  #firstReads = 0;
  /** All reads, and the caller's count up to which they are in there. */
  #reads = 0;
  #readsNoted = 0;

  /** Begins anew, `reads` being the caller's count of all reads so far. */
  begin(reads: number): void {
    this.tagLimit = TAG_LIMIT / RATE_DIVISOR_MIN;
    this.sampleCount = 0;
    this.#capacity = SAMPLES_MIN;
    this.#emptyTable();
    const positions = this.#tags.length;
    this.#owners = new Int32Array(positions).fill(-1);
    this.#sizes = new Float64Array(positions);
    this.#blockSums = new Float64Array(1 + (positions >>> BLOCK_SHIFT));
    this.#sizeTotal = 0;
    this.#nextPosition = 0;
    this.#counts.fill(0);
    this.#sampledReads = 0;
    this.#firstReads = 0;
    this.#reads = 0;
    this.#readsNoted = reads;
  }

  /** Bytes that it takes. */
  get byteCount(): number {
    const perPlace = this.#tags.byteLength + this.#rests.byteLength + this.#positions.byteLength;
    const others = this.#sizes.byteLength + this.#owners.byteLength + this.#blockSums.byteLength;
    return perPlace + others + this.#counts.byteLength;
  }

  /** Share of keys that is sampled, 0 to 1. */
  get rate(): number {
    return this.tagLimit / TAG_LIMIT;
  }

  /** Share of the reads whose key had not been seen before, 0 to 1. */
  get firstFraction(): number {
    return this.#sampledReads === 0 ? 0 : this.#firstReads / this.#sampledReads;
  }

  /**
   * Notes an access of a sampled key, which is `size` bytes long and identified by `tag` and `rest`. One that is no read only
   * makes the key the one used last. `reads` is the caller's count of all reads, this one among them if it is one.
   */
  note(tag: number, rest: number, size: number, isRead: boolean, reads: number): void {
    let place = this.#placeOf(tag, rest);
    if (this.#tags[place] === 0) {
      if (isRead) this.#countRead(-1, reads);
      if (this.sampleCount === this.#capacity) {
        if (this.#capacity < SAMPLES_MAX) this.#grow();
        else this.#lowerRate();
        if (tag >= this.tagLimit || this.sampleCount === this.#capacity) return;
        place = this.#placeOf(tag, rest);
      }
      this.#tags[place] = tag + 1;
      this.#rests[place] = rest;
      this.sampleCount++;
    } else {
      const position = this.#positions[place];
      if (isRead) {
        const between = this.#sizeTotal - this.#sumUpTo(position);
        this.#countRead(between / this.rate + size, reads);
      }
      this.#leave(position);
    }
    if (this.#nextPosition === this.#owners.length) this.#closeUp();
    const position = this.#nextPosition++;
    this.#positions[place] = position;
    this.#owners[position] = place;
    this.#sizes[position] = size;
    this.#addToBlock(position >>> BLOCK_SHIFT, size);
  }

  /** A sampled key is gone. */
  forget(tag: number, rest: number): void {
    const place = this.#placeOf(tag, rest);
    if (this.#tags[place] === 0) return;
    this.#leave(this.#positions[place]);
    this.sampleCount--;
    this.#vacate(place);
  }

  /** Those of the sampled keys are gone for whose `rest` the answer is true. Linear in the samples. */
  forgetWhere(isGone: (rest: number) => boolean): void {
    if (this.sampleCount > 0) this.#keepOnly((_, rest) => !isGone(rest));
  }

  /** Share of the reads, 0 to 1, that an LRU cache of so many bytes would have had; `reads` is the caller's count of all. */
  hitRatio(bytes: number, reads: number): number {
    this.#noteReads(reads);
    const expected = this.#reads * this.rate;
    if (expected === 0 || bytes <= 0) return 0;
    const at = bucketAt(bytes);
    const bucket = Math.min(BUCKET_COUNT, Math.floor(at));
    // What was sampled too much or too little are hot keys above all, whose distances are the shortest.
    let hits = expected - this.#sampledReads;
    for (let below = 0; below < bucket; below++) hits += this.#counts[below];
    if (bucket < BUCKET_COUNT) hits += this.#counts[bucket] * (at - bucket);
    return Math.max(0, Math.min(1, hits / expected));
  }

  #countRead(distance: number, reads: number): void {
    this.#sampledReads++;
    if (distance < 0) this.#firstReads++;
    else this.#counts[Math.min(BUCKET_COUNT - 1, bucketOf(distance))]++;
    if (this.#sampledReads < READS_TO_HALVE) return;
    this.#noteReads(reads);
    this.#reads /= 2;
    this.#weigh(1 / 2);
  }

  /** The caller's count may have begun again from 0. */
  #noteReads(reads: number): void {
    this.#reads += reads >= this.#readsNoted ? reads - this.#readsNoted : reads;
    this.#readsNoted = reads;
  }

  #weigh(factor: number): void {
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) this.#counts[bucket] *= factor;
    this.#sampledReads *= factor;
    this.#firstReads *= factor;
  }

  /** The place of a key in the table, or the empty one where it would be. */
  #placeOf(tag: number, rest: number): number {
    let place = startOf(tag, rest) & this.#placeMask;
    while (this.#tags[place] !== 0 && (this.#tags[place] !== tag + 1 || this.#rests[place] !== rest))
      place = (place + 1) & this.#placeMask;
    return place;
  }

  /** Empties a place, moving up what was put behind it since it was taken. */
  #vacate(place: number): void {
    const mask = this.#placeMask;
    let gap = place;
    for (let at = (gap + 1) & mask; this.#tags[at] !== 0; at = (at + 1) & mask) {
      const start = startOf(this.#tags[at] - 1, this.#rests[at]);
      if (((at - start) & mask) < ((at - gap) & mask)) continue;
      this.#tags[gap] = this.#tags[at];
      this.#rests[gap] = this.#rests[at];
      this.#positions[gap] = this.#positions[at];
      this.#owners[this.#positions[gap]] = gap;
      gap = at;
    }
    this.#tags[gap] = 0;
  }

  #emptyTable(): void {
    const places = this.#capacity * PLACES_PER_SAMPLE;
    this.#placeMask = places - 1;
    this.#tags = new Int32Array(places);
    this.#rests = new Int32Array(places);
    this.#positions = new Int32Array(places);
  }

  /** Makes room for twice as many samples. */
  #grow(): void {
    this.#capacity *= 2;
    const { length } = this.#owners;
    const owners = new Int32Array(length * 2).fill(-1, length);
    owners.set(this.#owners);
    this.#owners = owners;
    const sizes = new Float64Array(length * 2);
    sizes.set(this.#sizes);
    this.#sizes = sizes;
    this.#blockSums = new Float64Array(1 + ((length * 2) >>> BLOCK_SHIFT));
    this.#keepOnly(() => true);
  }

  /** Samples fewer keys from now on: what was counted weighs as if it had always been so. */
  #lowerRate(): void {
    const before = this.tagLimit;
    this.tagLimit = Math.max(1, Math.floor(before * KEPT_FRACTION));
    this.#weigh(this.tagLimit / before);
    this.#keepOnly((tag) => tag < this.tagLimit);
  }

  #keepOnly(isKept: (tag: number, rest: number) => boolean): void {
    const tags = this.#tags;
    const rests = this.#rests;
    this.#emptyTable();
    this.sampleCount = 0;
    for (let position = 0; position < this.#nextPosition; position++) {
      const owner = this.#owners[position];
      if (owner < 0) continue;
      const tag = tags[owner] - 1;
      this.#owners[position] = -1;
      if (!isKept(tag, rests[owner])) continue;
      const place = this.#placeOf(tag, rests[owner]);
      this.#tags[place] = tag + 1;
      this.#rests[place] = rests[owner];
      this.#owners[position] = place;
      this.sampleCount++;
    }
    this.#closeUp();
  }

  /** Moves the positions in use together and takes the sums anew. */
  #closeUp(): void {
    const end = this.#nextPosition;
    let next = 0;
    this.#blockSums.fill(0);
    this.#sizeTotal = 0;
    for (let position = 0; position < end; position++) {
      const owner = this.#owners[position];
      if (owner < 0) continue;
      const size = this.#sizes[position];
      this.#owners[position] = -1;
      this.#owners[next] = owner;
      this.#positions[owner] = next;
      this.#sizes[next] = size;
      this.#addToBlock(next >>> BLOCK_SHIFT, size);
      next++;
    }
    this.#sizes.fill(0, next, end);
    this.#nextPosition = next;
  }

  /** Nobody has a position any more. */
  #leave(position: number): void {
    this.#addToBlock(position >>> BLOCK_SHIFT, -this.#sizes[position]);
    this.#sizes[position] = 0;
    this.#owners[position] = -1;
  }

  #addToBlock(block: number, size: number): void {
    const sums = this.#blockSums;
    this.#sizeTotal += size;
    for (let at = block + 1; at < sums.length; at += at & -at) sums[at] += size;
  }

  /** The sizes at all positions up to one, its own among them. */
  #sumUpTo(position: number): number {
    const sizes = this.#sizes;
    const block = position >>> BLOCK_SHIFT;
    let sum = 0;
    for (let at = block; at > 0; at -= at & -at) sum += this.#blockSums[at];
    for (let at = block << BLOCK_SHIFT; at <= position; at++) sum += sizes[at];
    return sum;
  }
}

/** The bucket of a distance: the exponent of the double and the upper bits of its fraction, from those of 1 on. */
function bucketOf(distance: number): number {
  double[0] = Math.max(1, distance);
  return (doubleWords[1] >>> BUCKET_SHIFT) - FIRST_BUCKET;
}

/** Where in the buckets a distance is: the whole part is its bucket's number. */
function bucketAt(distance: number): number {
  const bucket = bucketOf(distance);
  const doubling = Math.floor(bucket / BUCKETS_PER_DOUBLING);
  const within = (Math.max(1, distance) / 2 ** doubling - 1) * BUCKETS_PER_DOUBLING;
  return doubling * BUCKETS_PER_DOUBLING + within;
}

/** Where the search for a key begins, but for the size of the table. */
function startOf(tag: number, rest: number): number {
  const mixed = Math.imul(tag ^ Math.imul(rest, 0x85ebca6b), 0x9e3779b1);
  return mixed >>> 15;
}
