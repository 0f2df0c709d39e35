import {
  NOTIFY_EVICTED,
  NOTIFY_EXPIRED,
  NOTIFY_GENERIC,
  NOTIFY_HASH,
  NOTIFY_KEY_MISS,
  NOTIFY_KEYEVENT,
  NOTIFY_KEYSPACE,
  NOTIFY_LIST,
  NOTIFY_NEW,
  NOTIFY_OVERWRITTEN,
  NOTIFY_SET,
  NOTIFY_SORTED_SET,
  NOTIFY_STREAM,
  NOTIFY_STRING,
  NOTIFY_TYPE_CHANGED,
} from '../keyspace/keyspace.ts';

/** Classes that `A` stands for; events of modules (`d`), of which there are none, are left out. */
const ALL =
  NOTIFY_GENERIC |
  NOTIFY_STRING |
  NOTIFY_LIST |
  NOTIFY_SET |
  NOTIFY_HASH |
  NOTIFY_SORTED_SET |
  NOTIFY_EXPIRED |
  NOTIFY_EVICTED |
  NOTIFY_STREAM;

const FLAGS: Readonly<Record<string, number>> = {
  A: ALL,
  g: NOTIFY_GENERIC,
  $: NOTIFY_STRING,
  l: NOTIFY_LIST,
  s: NOTIFY_SET,
  h: NOTIFY_HASH,
  z: NOTIFY_SORTED_SET,
  x: NOTIFY_EXPIRED,
  e: NOTIFY_EVICTED,
  t: NOTIFY_STREAM,
  K: NOTIFY_KEYSPACE,
  E: NOTIFY_KEYEVENT,
  m: NOTIFY_KEY_MISS,
  n: NOTIFY_NEW,
  o: NOTIFY_OVERWRITTEN,
  c: NOTIFY_TYPE_CHANGED,
};

/** The flags that letters of `notify-keyspace-events` stand for; 0 where no channel is named, so that nothing is published. */
export function keyspaceEventFlags(letters: string): number {
  let flags = 0;
  for (const letter of letters) flags |= FLAGS[letter] ?? 0;
  return (flags & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT)) === 0 ? 0 : flags;
}
