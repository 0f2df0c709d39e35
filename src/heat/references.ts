/**
 * Two bits in a record's word of access history that say how often it was used since the demoter's hand last passed, at most
 * three times: what Redis's own 24 bits can't tell, a clock of seconds or a counter that decays by the minute. A record that
 * is new or was promoted begins with none, so one that is used once only is the first to leave.
 *
 * The hand goes round over all hot records. One that has references loses one and stays, one without is demoted: the
 * generalized clock (A. J. Smith, "Sequentiality and prefetching in database systems", ACM TODS 1978), with the counter of
 * S3-FIFO (Yang et al., SOSP 2023). docs/adr/0007 has the comparison.
 */
const SHIFT = 25;
const ONE = 1 << SHIFT;
/** The bits, in a word of access history. */
export const REFERENCES_MASK = 3 << SHIFT;

/** The word after one more use. */
export function withReference(word: number): number {
  return (word & REFERENCES_MASK) === REFERENCES_MASK ? word : word + ONE;
}

/** Whether the record was used since the hand has passed. */
export function hasReferences(word: number): boolean {
  return (word & REFERENCES_MASK) !== 0;
}

/** The word after the hand has passed a record that has references. */
export function withoutReference(word: number): number {
  return word - ONE;
}

/** The word of a record that has not been used. */
export function withoutReferences(word: number): number {
  return word & ~REFERENCES_MASK;
}
