/** A checkpoint, or a file of one, that can't be used; the message is for people. */
export class CheckpointError extends Error {
  override name = 'CheckpointError';
}
