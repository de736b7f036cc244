/**
 * When two frames count as near: a candidate by one hash, confirmed by the other. The limits are measured in
 * `test/quality/near-dup` (150 photos x 16 edits: 99.5 % found, of crops by 2 % a fifth; no two different
 * photos within PDQ 90 or blockhash 43).
 */

/** Meta distrusts hashes of flatter pictures; those are copies by exact pixels or bytes only. */
export const MIN_QUALITY = 50

/**
 * Candidates are what the indexes find within this distance by either hash: 149 look-ups a hash. Searching PDQ to its
 * limit of 31 takes 2,843 and finds 0.1 % more of the edits, of crops by 2 % a tenth more.
 */
export const CANDIDATE_DISTANCE = 16

/** Meta's limit for PDQ; blockhash then only has to agree far better than chance (unrelated: median 128, least 44). */
const BY_PDQ = { pdq: 31, blockhash: 32 }
/** Blockhash's own tier; PDQ may be further off, because a label in a corner moves it by up to 60 bits. */
const BY_BLOCKHASH = { pdq: 48, blockhash: 10 }

export interface Distances {
  pdq: number
  blockhash: number
}

export function isNear({ pdq, blockhash }: Distances): boolean {
  return [BY_PDQ, BY_BLOCKHASH].some((limits) => pdq <= limits.pdq && blockhash <= limits.blockhash)
}
