/**
 * Reads a changelog from its beginning to a barrier. kafkajs cannot read a partition outside of a group, so this uses a
 * group of its own that is deleted afterwards.
 */
import { randomUUID } from 'node:crypto'
import type { Consumer, EachBatchPayload } from './patches.ts'
import type { PartitionId, SourceRecord } from '../loop/ports.ts'
import type { KafkaConnection } from './client.ts'
import { toSourceRecord } from './source-record.ts'

/** Key of barrier records; asset ids never look like it, and compaction keeps one. */
export const BARRIER_KEY = '__barrier'

/** A restore that finds no barrier for this long has lost it: the caller takes over again. */
const STALLED_MS = 60_000

export interface ChangelogId extends PartitionId {
  /** Group of the stage; prefix of the reader's own. */
  groupId: string
}

/** Calls `restore` for each record before `barrier`, in order; resolves to their number. */
export async function readChangelog(
  connection: KafkaConnection, id: ChangelogId, barrier: string,
  restore: (record: SourceRecord) => void | Promise<void>, signal: AbortSignal,
): Promise<number> {
  const groupId = `${id.groupId}.restore.${randomUUID()}`
  const consumer = connection.kafka.consumer({ groupId, maxWaitTimeInMs: 100, maxBytesPerPartition: 8 << 20, allowAutoTopicCreation: false })
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [id.topic], fromBeginning: true })
    return await readToBarrier(consumer, id, barrier, restore, signal)
  } finally {
    await consumer.disconnect()
    await connection.admin.deleteGroups([groupId]).catch(() => {}) // the broker forgets an empty group by itself
  }
}

async function readToBarrier(
  consumer: Consumer, id: ChangelogId, barrier: string,
  restore: (record: SourceRecord) => void | Promise<void>, signal: AbortSignal,
): Promise<number> {
  const reached = Promise.withResolvers<number>()
  let restored = 0
  let done = false
  const readBatch = async ({ batch, heartbeat }: EachBatchPayload): Promise<void> => {
    if (batch.partition !== id.partition) return
    for (const message of batch.messages) {
      if (done) return
      if (message.key?.toString('latin1') === BARRIER_KEY) done = message.value?.toString('latin1') === barrier
      else {
        await restore(toSourceRecord(id, message))
        restored += 1
      }
    }
    if (done) reached.resolve(restored)
    else await heartbeat()
  }
  const timer = AbortSignal.any([signal, AbortSignal.timeout(STALLED_MS)])
  timer.addEventListener('abort', () => reached.reject(timer.reason), { once: true })
  consumer.on('consumer.crash', ({ payload }) => reached.reject(payload.error))
  await consumer.run({ autoCommit: false, eachBatch: (payload) => readBatch(payload).catch((error: unknown) => reached.reject(error)) })
  return await reached.promise
}
