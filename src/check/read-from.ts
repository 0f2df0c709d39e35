import type { OpenFile } from '../base/files.ts';
import type { ReadSource } from '../persistence/rdb/reader.ts';

/** Reads a file from its beginning on, a part at each call. It stays the caller's. */
export function readFrom(file: OpenFile): ReadSource {
  let position = 0;
  return (target) => {
    const count = file.read(target, 0, target.length, position);
    position += count;
    return count;
  };
}
