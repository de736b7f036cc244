/** The oracle's verdict on a round: a pure function of its evidence. */
import type { Evidence, Violation } from './evidence.ts'
import { doubledRows, lostIds, unannounced, wrongRows } from './invariants-of-ends.ts'
import { positionAhead, progressMovedBack, rowsFromZombieEpoch, stateDiffers } from './invariants-of-ownership.ts'
import {
  abortedRecordsSeen, bothProcessedAndDead, contradictingDuplicates, deadLetterBytesDiffer, neitherProcessedNorDead, orderInversions,
} from './invariants-of-topics.ts'
import { ledgerOf } from './ledger.ts'

const INVARIANTS = [
  lostIds, doubledRows, contradictingDuplicates, orderInversions, neitherProcessedNorDead, bothProcessedAndDead, deadLetterBytesDiffer,
  rowsFromZombieEpoch, stateDiffers, abortedRecordsSeen, progressMovedBack, positionAhead, wrongRows, unannounced,
]

/** Everything that the round broke; empty when it kept all invariants. */
export function judge(evidence: Evidence): Violation[] {
  const ledger = ledgerOf(evidence)
  return INVARIANTS.flatMap((violationsOf) => violationsOf(ledger))
}
