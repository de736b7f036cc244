/**
 * Whether a log still has the offset that a reader stands at. kafkajs would jump, silently, from one that the log does
 * not have; a stage stops instead, since what it would jump over are somebody's assets.
 */
import type { Clock } from '../clock.ts'
import { Halt } from '../errors.ts'
import { partitionKey } from '../loop/partition-key.ts'
import type { Position } from '../loop/ports.ts'
import { offsetRanges, type OffsetRange } from './offsets.ts'
import type { Admin } from './patches.ts'

/** A broker that has just started may tell an end that lies too low for a moment. */
const SETTLE_MS = 300
const SETTLE_ATTEMPTS = 10

/** @throws Halt `kafka.records-lost` or `kafka.log-truncated` */
export async function checkPositions(admin: Admin, clock: Clock, reader: string, positions: Position[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const ranges = await offsetRanges(admin, positions)
    const refusals = positions.map((position) => refusalOf(reader, position, ranges.get(partitionKey(position))))
    const refusal = refusals.find((each) => each?.code === 'kafka.records-lost') ?? refusals.find((each) => each !== undefined)
    if (!refusal) return
    if (refusal.code === 'kafka.records-lost' || attempt === SETTLE_ATTEMPTS) throw refusal
    await clock.sleep(SETTLE_MS)
  }
}

/**
 * Undefined when the log has the position. Its end is one: an empty log whose records were all read and trimmed has
 * no other.
 */
export function refusalOf(reader: string, { topic, partition, offset }: Position, range: OffsetRange | undefined): Halt | undefined {
  const { oldest, end } = range ?? { oldest: 0, end: 0 }
  const stand = `${reader} stands at offset ${offset} of ${partitionKey({ topic, partition })}`
  if (offset < oldest) {
    return new Halt('kafka.records-lost', `${stand}, but the oldest record left is ${oldest} and the log ends at ${end}.`,
      'Records were deleted before they were read. Reset the group to go on without them, and submit those assets again.')
  }
  if (offset > end) {
    return new Halt('kafka.log-truncated', `${stand}, but the log begins at ${oldest} and ends at ${end}.`,
      'The topic was made anew, or its newest records were lost with a broker. Submit those assets again, and reset the reader\'s progress to go on.')
  }
  return undefined
}
