/**
 * Takes a stateful stage's partition over. The steps are those of DESIGN.md, "Take-over of a stateful stage":
 *   1. a new producer with the task's transactional id: the broker ends what the previous owner left open and refuses
 *      it from now on
 *   2. a barrier record in the changelog, committed: proves that we may write, and marks the point up to which the
 *      state must be read
 *   3. the committed position, read only now: no pending one can exist any more (KIP-447; Kafka 4.0 or newer)
 *   4. the changelog, read committed, up to our own barrier
 *   5. the position covers every input that the changelog tells of; the caller seeks there
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { Halt, RetryLater } from '../errors.ts'
import type { Failpoint } from '../failpoints.ts'
import { partitionKey } from './partition-key.ts'
import type { OutgoingRecord, PartitionId, SourceRecord, TaskBroker, TransactionalProducer } from './ports.ts'
import { withinDeadline } from './transaction.ts'

/** Header of a changelog record: the input offset that led to it; a witness beside the committed position. */
export const SOURCE_OFFSET_HEADER = 'source-offset'

/** Key of barrier records; asset ids never look like it, and compaction keeps one. */
export const BARRIER_KEY = '__barrier'

export interface TakeOverParts {
  id: PartitionId
  broker: TaskBroker
  changelog: string
  /** What the state holds already: changelog entries below `changelogNext`, of inputs below `position`. */
  base: { changelogNext: number; position: number }
  /** Applies one changelog record to the state. */
  restore(record: SourceRecord): Promise<void> | void
  clock: Clock
  signal: AbortSignal
  at?: Failpoint | undefined
}

export interface TakenOver {
  producer: TransactionalProducer
  /** Offset of the next input to decide. */
  position: number
  /** Offset after our barrier in the changelog: the state holds everything below it. */
  changelogNext: number
  restored: number
}

/** @throws RetryLater when the outcome is in doubt, `state.foreign-base`; Halt `state.ahead-of-position` */
export async function takeOver(parts: TakeOverParts): Promise<TakenOver> {
  const { broker, id, at } = parts
  await at?.('before-fence')
  const producer = await broker.openProducer(id)
  try {
    const barrier = await fenceAndBar(producer, parts)
    await at?.('after-barrier')
    const position = (await broker.committed(id)) ?? (await broker.oldest(id))
    await at?.('after-position')
    const restored = await restoreTo(barrier, parts)
    await at?.('after-restore')
    checkCovered(restored.lastSource, position, id)
    return { producer, position, changelogNext: restored.next, restored: restored.count }
  } catch (error) {
    await producer.close()
    throw error
  }
}

/** Steps 1 and 2; the barrier's value. */
function fenceAndBar(producer: TransactionalProducer, { changelog, id, base, clock, at }: TakeOverParts): Promise<string> {
  return withinDeadline(clock, async () => {
    const transaction = await producer.begin()
    await at?.('after-fence')
    const value = randomUUID()
    const barrier: OutgoingRecord = {
      topic: changelog, partition: id.partition, key: Buffer.from(BARRIER_KEY), value: Buffer.from(value), headers: {}, timestampMs: clock.now(),
    }
    const [end] = await transaction.send([barrier])
    await transaction.commit()
    if (end !== undefined && end.offset <= base.changelogNext) throw new RetryLater('state.foreign-base', `The changelog ends at ${end.offset}, before ${base.changelogNext}, which the state is said to hold.`)
    return value
  })
}

interface Restored { count: number; next: number; lastSource: number }

/** Step 4. */
async function restoreTo(barrier: string, { broker, id, base, restore, signal, at }: TakeOverParts): Promise<Restored> {
  const restored: Restored = { count: 0, next: base.changelogNext, lastSource: base.position - 1 }
  const take = async (records: SourceRecord[]): Promise<boolean> => {
    for (const record of records) {
      restored.next = record.offset + 1
      if (isBarrier(record)) {
        if (record.value?.toString('latin1') === barrier) return true
        continue
      }
      const applied = restore(record)
      if (applied) await applied
      restored.count += 1
      restored.lastSource = Math.max(restored.lastSource, sourceOffsetOf(record))
    }
    await at?.('mid-restore')
    return false
  }
  await broker.readChangelog(id.partition, base.changelogNext, take, signal)
  return restored
}

/** Step 5. */
function checkCovered(lastSource: number, position: number, id: PartitionId): void {
  if (lastSource < position) return
  throw new Halt('state.ahead-of-position', `The state remembers offset ${lastSource} of ${partitionKey(id)}, but the group stands at ${position}.`,
    `The group's offsets were reset or have expired. Set them to ${lastSource + 1} to go on, or delete the changelog's records to begin anew.`)
}

function isBarrier({ key }: SourceRecord): boolean {
  return key !== null && key.length === BARRIER_KEY.length && key.toString('latin1') === BARRIER_KEY
}

function sourceOffsetOf({ headers }: SourceRecord): number {
  const header = headers.get(SOURCE_OFFSET_HEADER)
  return header ? Number(header.toString('latin1')) : -1
}
