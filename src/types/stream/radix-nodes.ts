import { ID_BYTES } from './id.ts';
import type { StreamValue } from './stream.ts';

/** Entries that are looked at. */
const ENTRIES_MAX = 2000;

/**
 * How many nodes the radix tree would have in which Redis keeps a stream's nodes by their first ids: estimated, for a stream of
 * more entries than are looked at, in proportion.
 */
export function radixNodes(stream: StreamValue): number {
  const keys: Uint8Array[] = [];
  let more = stream.seekFirst();
  for (let entries = 0; more && entries < ENTRIES_MAX; entries++) {
    if (stream.beginsNode) {
      stream.readId();
      const key = new Uint8Array(ID_BYTES);
      stream.id.write(key, 0);
      keys.push(key);
    }
    more = stream.next();
  }
  if (keys.length === 0) return 1;
  const nodes = nodesOf(keys, 0, keys.length, 0);
  return more ? Math.round((nodes * stream.nodeCount) / keys.length) : nodes;
}

/** Nodes below which are the keys from `first` to before `end`, sorted, which have the same bytes before `depth` (rax.c). */
function nodesOf(keys: readonly Uint8Array[], first: number, end: number, depth: number): number {
  // What is left of a single key is one node, and its end another.
  if (end - first === 1) return depth === ID_BYTES ? 1 : 2;
  let common = depth;
  while (keys[first][common] === keys[end - 1][common]) common++;
  let nodes = common > depth ? 2 : 1;
  for (let from = first; from < end; ) {
    let to = from + 1;
    while (to < end && keys[to][common] === keys[from][common]) to++;
    nodes += nodesOf(keys, from, to, common + 1);
    from = to;
  }
  return nodes;
}
