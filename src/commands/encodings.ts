import {
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_SORTED_SET,
  TYPE_STREAM,
  TYPE_STRING,
} from '../keyspace/record.ts';
import { encodingName as hashEncodingName } from '../types/hash/encoding.ts';
import { encodingName as listEncodingName } from '../types/list/encoding.ts';
import { encodingName as setEncodingName } from '../types/set/encoding.ts';
import { encodingName as sortedSetEncodingName } from '../types/sorted-set/encoding.ts';
import { encodingName as streamEncodingName } from '../types/stream/encoding.ts';
import { encodingName as stringEncodingName } from '../types/string/encoding.ts';

/** The name of a value's encoding as OBJECT ENCODING tells it. */
export function encodingNameOf(type: number, encoding: number): string {
  switch (type) {
    case TYPE_STRING:
      return stringEncodingName(encoding);
    case TYPE_LIST:
      return listEncodingName(encoding);
    case TYPE_SET:
      return setEncodingName(encoding);
    case TYPE_SORTED_SET:
      return sortedSetEncodingName(encoding);
    case TYPE_HASH:
      return hashEncodingName(encoding);
    case TYPE_STREAM:
      return streamEncodingName();
    default:
      throw new Error(`no encodings are known of type ${type}`);
  }
}
