import { StreamId } from './id.ts';
import type { StreamValue } from './stream.ts';

/** What becomes of an entry that consumer groups have pending: it stays pending, is so no longer, or is not removed. */
export type ReferencePolicy = 'keepref' | 'delref' | 'acked';

/** How a stream is trimmed: which entries are to go from its beginning. */
export interface Trim {
  /** By how many are to stay, or by the id of the first that may. */
  strategy: 'none' | 'maxlen' | 'minid';
  lengthMax: number;
  readonly idMin: StreamId;
  /** Whole nodes only. */
  isApproximate: boolean;
  /** Most entries removed; 0 for no limit. */
  limit: number;
  policy: ReferencePolicy;
}

const from = new StreamId();
const last = new StreamId();
const current = new StreamId();

/** Trims a stream that is open for writing; returns how many entries were removed (streamTrim). */
export function trimStream(stream: StreamValue, trim: Trim): number {
  if (trim.strategy === 'none') return 0;
  if (trim.policy !== 'keepref') return trimByReferences(stream, trim);
  const excess =
    trim.strategy === 'maxlen' ? Math.max(0, stream.count - trim.lengthMax) : stream.seekFrom(trim.idMin);
  const removed = trim.isApproximate ? wholeNodes(stream, excess, trim.limit) : excess;
  if (removed > 0) stream.removeFirst(removed);
  return removed;
}

/** How many of the first `count` entries are in nodes that they fill. */
function wholeNodes(stream: StreamValue, count: number, limit: number): number {
  let whole = 0;
  if (count === 0 || !stream.seekFirst()) return 0;
  while (whole < count) {
    const size = skipNode(stream);
    if (whole + size > count || (limit > 0 && whole + size > limit)) return whole;
    whole += size;
  }
  return whole;
}

/** Moves from a node's first entry to that of the next one; how many entries it has. `last` is the last one's id. */
function skipNode(stream: StreamValue): number {
  let size = 0;
  let isInNode = true;
  while (isInNode) {
    size++;
    stream.readId();
    isInNode = stream.next() && !stream.beginsNode;
  }
  last.copy(stream.id);
  return size;
}

/** Entry by entry, each of which may have to be let go by consumer groups, or to stay for them. */
function trimByReferences(stream: StreamValue, trim: Trim): number {
  const { strategy, lengthMax, idMin, limit } = trim;
  let removed = 0;
  from.setMin();
  while (strategy === 'minid' || stream.count > lengthMax) {
    if (!stream.seek(from)) break;
    const size = skipNode(stream);
    if (limit > 0 && removed + size > limit) break;
    const isWhole = strategy === 'maxlen' ? stream.count - size >= lengthMax : last.compare(idMin) < 0;
    if (trim.isApproximate && !isWhole) break;
    while (stream.seek(from)) {
      stream.readId();
      current.copy(stream.id);
      if (current.compare(last) > 0) break;
      if (strategy === 'maxlen' ? stream.count <= lengthMax : current.compare(idMin) >= 0) break;
      from.copy(current);
      from.increment();
      if (trim.policy === 'acked' && stream.groups.isReferenced(current)) continue;
      if (trim.policy === 'delref') stream.groups.removeReferences(current);
      stream.remove(current);
      removed++;
    }
    if (!isWhole) break;
  }
  return removed;
}
