/** A cold record could not be read or failed its checksum. The command that needed it answers with `reply`. */
export class ColdRecordError extends Error {
  override name = 'ColdRecordError';
  /** Error reply for the client, without the dash. */
  readonly reply: string;

  constructor(reason: string) {
    super(reason);
    this.reply = `IOERR the value of this key can't be read from the SSD tier: ${reason}`;
  }
}
