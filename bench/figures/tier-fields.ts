import type { LocalServer } from '../server-process.ts';

/** The fields of INFO that the figures read. */
export const COLD_KEYS = 'flex_cold_keys';
export const COLD_READS = 'flex_cold_reads';
export const HOT_BYTES = 'flex_hot_bytes';
/** Bytes of the records that keys refer to, without compression. */
export const COLD_BYTES = 'flex_cold_bytes';
export const PENDING_FREES = 'lazyfree_pending_objects';
export const BYTES_DEMOTED = 'flex_bytes_demoted';
export const BYTES_WRITTEN = 'flex_bytes_written';
export const LONGEST_TICK_US = 'eventloop_longest_cycle_us';

/** A number out of INFO; throws if the server does not report it. */
export async function infoNumber(server: LocalServer, field: string): Promise<number> {
  const value = Number((await server.control.info('everything')).get(field) ?? Number.NaN);
  if (Number.isNaN(value)) throw new Error(`${server.name} reports no ${field} in INFO`);
  return value;
}
