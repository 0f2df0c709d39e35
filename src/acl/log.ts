import type { AclLogEntry } from '../command-table/access.ts';

/** The same event within this time counts in the entry that is there. */
const GROUPING_MS = 60_000;
/** So many of the latest entries are looked at for the same event. */
const COMPARED_COUNT = 10;

type AclEvent = Pick<AclLogEntry, 'reason' | 'context' | 'object' | 'userName' | 'clientInfo'>;

/** What was refused, latest first (acl.c, addACLLogEntry). */
export class AclLog {
  readonly entries: AclLogEntry[] = [];
  #nextId = 0;

  /** Notes an event; of the entries, `maxLength` are kept. */
  add(event: AclEvent, nowMs: number, maxLength: number): void {
    if (maxLength > 0 && !this.#join(event, nowMs)) {
      this.entries.unshift({ ...event, id: this.#nextId++, count: 1, createdMs: nowMs, updatedMs: nowMs });
    }
    if (this.entries.length > maxLength) this.entries.length = maxLength;
  }

  clear(): void {
    this.entries.length = 0;
  }

  /** Counts the event in the entry of the same one, which becomes the latest; false if there is none. */
  #join(event: AclEvent, nowMs: number): boolean {
    const at = this.entries
      .slice(0, COMPARED_COUNT)
      .findIndex(
        (entry) =>
          entry.reason === event.reason &&
          entry.context === event.context &&
          entry.object === event.object &&
          entry.userName === event.userName &&
          Math.abs(nowMs - entry.updatedMs) <= GROUPING_MS,
      );
    if (at < 0) return false;
    const [entry] = this.entries.splice(at, 1);
    entry.count++;
    entry.updatedMs = nowMs;
    entry.clientInfo = event.clientInfo;
    this.entries.unshift(entry);
    return true;
  }
}
