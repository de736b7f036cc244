/**
 * Step 3 of the "Commit of a stateful stage" (DESIGN.md): one transaction, begun only when everything that goes into it
 * is decided, so that it is open for as long as the broker takes and no longer.
 *   3a. begin
 *   3b. outputs, dead letters and changelog entries are sent and acknowledged
 *   3c. the position becomes part of the transaction
 *   3d. the partition is still ours as far as we can know; otherwise abort (the rule of franz-go's GroupTransactSession)
 *   3e. commit
 * Any other outcome than 3e's acknowledgement is a doubt: a kafkajs producer whose EndTxn failed cannot go on, and a
 * delayed EndTxn might end a later transaction of the same epoch. So the caller closes the producer and takes over again.
 */
import { within, type Clock } from '../clock.ts'
import { RetryLater, reasonOf, verdictOf } from '../errors.ts'
import type { Failpoint } from '../failpoints.ts'
import type { OpenTransaction, OutgoingRecord, Position, TransactionalProducer } from './ports.ts'

/** Shorter than the broker's transaction timeout (20 s), so that we give up before the broker does. */
const DEADLINE_MS = 15_000

export interface TransactionParts {
  producer: TransactionalProducer
  records: OutgoingRecord[]
  position: Position
  /** Whether the partition may still be believed to be ours. */
  holds(): boolean
  clock: Clock
  at?: Failpoint | undefined
}

/** The offset after the last record in each partition that was written. @throws RetryLater */
export function commitTransaction({ producer, records, position, holds, clock, at }: TransactionParts): Promise<Position[]> {
  return withinDeadline(clock, async () => {
    await at?.('before-begin')
    const transaction = await producer.begin()
    await at?.('after-begin')
    const written = await transaction.send(records)
    await at?.('after-produce')
    await transaction.position(position)
    await at?.('after-offsets-sent')
    if (!holds()) await giveUp(transaction)
    await at?.('before-end-txn')
    const ended = transaction.commit()
    // A failpoint may hold this up; what came of the commit is seen below.
    ended.catch(() => {})
    await at?.('end-txn-sent')
    await ended
    await at?.('after-end-txn')
    return written
  })
}

async function giveUp(transaction: OpenTransaction): Promise<never> {
  await transaction.abort()
  throw new RetryLater('task.not-held', 'The partition may be another member\'s by now.')
}

/** What fails or takes too long is in doubt, unless it names another verdict. @throws RetryLater `task.in-doubt` */
export async function withinDeadline<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  try {
    return await within(clock, DEADLINE_MS, work(), () => {
      throw new Error(`the transaction took longer than ${DEADLINE_MS} ms`)
    })
  } catch (error) {
    throw verdictOf(error) ?? new RetryLater('task.in-doubt', reasonOf(error), { cause: error })
  }
}
