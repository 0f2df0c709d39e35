/** Numbers of the RDB format (rdb.h of Redis 8.4). They are on disk and never change. */

/** The version that redis-server 7.0 loads; all values but those of {@link versionOfType} are written in it. */
export const RDB_VERSION_WRITTEN = 10;
/** The newest version that is read: that of Redis 7.4 to 8.4. */
export const RDB_VERSION_MAX = 12;

/** What a value's bytes are. */
export const RdbType = {
  STRING: 0,
  LIST: 1,
  SET: 2,
  ZSET: 3,
  HASH: 4,
  ZSET_2: 5,
  MODULE_PRE_GA: 6,
  MODULE_2: 7,
  HASH_ZIPMAP: 9,
  LIST_ZIPLIST: 10,
  SET_INTSET: 11,
  ZSET_ZIPLIST: 12,
  HASH_ZIPLIST: 13,
  LIST_QUICKLIST: 14,
  STREAM_LISTPACKS: 15,
  HASH_LISTPACK: 16,
  ZSET_LISTPACK: 17,
  LIST_QUICKLIST_2: 18,
  STREAM_LISTPACKS_2: 19,
  SET_LISTPACK: 20,
  STREAM_LISTPACKS_3: 21,
  HASH_METADATA_PRE_GA: 22,
  HASH_LISTPACK_EX_PRE_GA: 23,
  HASH_METADATA: 24,
  HASH_LISTPACK_EX: 25,
} as const;

/** What stands in a file where a value's type could. */
export const RdbOpcode = {
  SLOT_INFO: 244,
  FUNCTION2: 245,
  FUNCTION_PRE_GA: 246,
  MODULE_AUX: 247,
  IDLE: 248,
  FREQ: 249,
  AUX: 250,
  RESIZEDB: 251,
  EXPIRETIME_MS: 252,
  EXPIRETIME: 253,
  SELECTDB: 254,
  EOF: 255,
} as const;

/** How a string is encoded whose first byte has its two upper bits set. */
export const StringEncoding = { INT8: 0, INT16: 1, INT32: 2, LZF: 3 } as const;

/** Container of a node in `LIST_QUICKLIST_2`. */
export const NodeContainer = { PLAIN: 1, PACKED: 2 } as const;

/** Flags of an entry in a stream's listpack. */
export const StreamItemFlag = { DELETED: 1, SAME_FIELDS: 2 } as const;

/** Parts of a module's value. */
export const ModuleOpcode = { EOF: 0, SINT: 1, UINT: 2, FLOAT: 3, DOUBLE: 4, STRING: 5 } as const;

/** Bytes of a stream's id: milliseconds and sequence, 64 bits each, big-endian, so that ids sort as their bytes do. */
export const STREAM_ID_BYTES = 16;

/** Latest time, in milliseconds, at which a hash field can expire (EB_EXPIRE_TIME_MAX). */
export const FIELD_EXPIRE_MS_MAX = 2 ** 48 - 1;

/** The oldest version, 10 or later, in which a value of this type may be written. */
export function versionOfType(type: number): number {
  if (type >= RdbType.HASH_METADATA_PRE_GA) return 12;
  if (type >= RdbType.SET_LISTPACK) return 11;
  return RDB_VERSION_WRITTEN;
}
