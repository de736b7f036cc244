/**
 * Reads a changelog from an offset on. kafkajs cannot read a partition outside of a group, so this uses a
 * group of its own that is deleted afterwards.
 */
import { randomUUID } from 'node:crypto'
import type { Consumer, EachBatchPayload } from './patches.ts'
import type { PartitionId, SourceRecord } from '../loop/ports.ts'
import type { KafkaConnection } from './client.ts'
import { toSourceRecord } from './source-record.ts'

/** A restore that finds no barrier for this long has lost it: the caller takes over again. */
const STALLED_MS = 60_000

export interface ChangelogId extends PartitionId {
  /** Group of the stage; prefix of the reader's own. */
  groupId: string
}

/** Hands records over from offset `from` on, in order, until one call of it returns true. */
export type Take = (records: SourceRecord[]) => Promise<boolean> | boolean

export async function readChangelog(connection: KafkaConnection, id: ChangelogId, from: number, take: Take, signal: AbortSignal): Promise<void> {
  const groupId = `${id.groupId}.restore.${randomUUID()}`
  const consumer = connection.kafka.consumer({ groupId, maxWaitTimeInMs: 100, maxBytesPerPartition: 8 << 20, allowAutoTopicCreation: false })
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [id.topic], fromBeginning: true })
    await readWhileTaken(consumer, id, from, take, signal)
  } finally {
    await consumer.disconnect()
    await connection.admin.deleteGroups([groupId]).catch(() => {}) // the broker forgets an empty group by itself
  }
}

async function readWhileTaken(consumer: Consumer, id: ChangelogId, from: number, take: Take, signal: AbortSignal): Promise<void> {
  const reached = Promise.withResolvers<void>()
  let done = false
  const readBatch = async ({ batch, heartbeat }: EachBatchPayload): Promise<void> => {
    if (batch.partition !== id.partition || done) return
    done = await take(batch.messages.filter(({ offset }) => Number(offset) >= from).map((message) => toSourceRecord(id, message)))
    if (done) reached.resolve()
    else await heartbeat()
  }
  const timer = AbortSignal.any([signal, AbortSignal.timeout(STALLED_MS)])
  timer.addEventListener('abort', () => reached.reject(timer.reason), { once: true })
  consumer.on('consumer.crash', ({ payload }) => reached.reject(payload.error))
  await consumer.run({ autoCommit: false, eachBatch: (payload) => readBatch(payload).catch((error: unknown) => reached.reject(error)) })
  await reached.promise
}
