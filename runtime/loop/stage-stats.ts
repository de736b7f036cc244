/** Counts of one stage in one process, for health, progress and metrics. */

export interface StageStats {
  /** Records that led to acknowledged outputs. */
  written: number
  /** Records that were dead-lettered. */
  dead: number
  /** Attempts that failed and were tried again. */
  retries: number
  /** Records in a handler right now. */
  inFlight: number
  /** Records accepted and not finished. */
  waiting: number
  /** Handler time, milliseconds. */
  workMs: number
  /** Unix milliseconds of the last successful commit; 0 before the first. */
  lastCommitAtMs: number
}

export function emptyStats(): StageStats {
  return { written: 0, dead: 0, retries: 0, inFlight: 0, waiting: 0, workMs: 0, lastCommitAtMs: 0 }
}
