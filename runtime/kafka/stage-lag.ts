/** How far stages are behind, seen from outside: works for stages that run anywhere, and for ones that do not run. */
import { randomUUID } from 'node:crypto'
import { systemClock } from '../clock.ts'
import type { PartitionId } from '../loop/ports.ts'
import type { KafkaConnection } from './client.ts'
import { recordsOf } from './fetched-records.ts'
import { committedPositions, earliestOffsets, endOffsets } from './offsets.ts'
import { KafkaJSProtocolError, type EachBatchPayload } from './patches.ts'

export interface PartitionLag extends PartitionId {
  /** Where the group goes on: its committed offset, or the oldest record that the broker has. */
  next: number
  /** Offset after the newest record. */
  end: number
}

/** The lag of a group in each partition of the topics. */
export async function partitionLags({ admin }: KafkaConnection, groupId: string, topics: readonly string[]): Promise<PartitionLag[]> {
  const ids = topics.map((topic) => ({ topic, partition: 0 }))
  const [ends, starts] = await Promise.all([endOffsets(admin, ids), earliestOffsets(admin, ids)])
  const all = [...ends].map(([key, end]) => ({ ...parseKey(key), end, start: starts.get(key) ?? 0 }))
  const committed = new Map((await whenLoaded(() => committedPositions(admin, groupId, all))).map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]))
  return all.map(({ topic, partition, end, start }) => ({ topic, partition, end, next: Math.max(start, committed.get(`${topic}/${partition}`) ?? start) }))
}

/** A broker that has just started loads its groups first, and kafkajs's admin client does not ask again by itself. */
async function whenLoaded<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (attempt === LOADING_ATTEMPTS || !(error instanceof KafkaJSProtocolError && error.retriable)) throw error
      await systemClock.sleep(LOADING_RETRY_MS)
    }
  }
}

const LOADING_ATTEMPTS = 20
const LOADING_RETRY_MS = 250

function parseKey(key: string): PartitionId {
  const slash = key.lastIndexOf('/')
  return { topic: key.slice(0, slash), partition: Number(key.slice(slash + 1)) }
}

/**
 * Event times of the next unprocessed record of each partition, by `topic/partition`. Kafka has no question for it, so
 * one record is read. Partitions without one by `deadlineMs` are left out: behind the last record of a topic that is
 * written by transactions stands a marker, which counts as an offset and is no record.
 */
export async function nextRecordTimes({ kafka, admin }: KafkaConnection, lags: readonly PartitionLag[], deadlineMs: number): Promise<Map<string, number>> {
  const times = new Map<string, number>()
  if (lags.length === 0) return times
  const groupId = `sluice-lag.${randomUUID()}`
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, maxBytesPerPartition: 64 * 1024, allowAutoTopicCreation: false })
  const wanted = new Map(lags.map((lag) => [`${lag.topic}/${lag.partition}`, lag]))
  const complete = Promise.withResolvers<void>()
  const read = async ({ batch, isStale }: EachBatchPayload): Promise<void> => {
    const key = `${batch.topic}/${batch.partition}`
    const first = recordsOf(batch).find(({ offset }) => offset >= (wanted.get(key)?.next ?? Infinity))
    if (first && !isStale()) times.set(key, times.get(key) ?? first.timestampMs)
    if (times.size === wanted.size) complete.resolve()
  }
  try {
    consumer.on('consumer.group_join', () => {
      for (const { topic, partition, next } of wanted.values()) consumer.seek({ topic, partition, offset: String(next) })
    })
    consumer.on('consumer.crash', ({ payload }) => complete.reject(payload.error))
    await consumer.connect()
    await consumer.subscribe({ topics: [...new Set(lags.map(({ topic }) => topic))], fromBeginning: false })
    await consumer.run({ autoCommit: false, partitionsConsumedConcurrently: 16, eachBatch: read })
    await Promise.race([complete.promise, new Promise((resolve) => AbortSignal.timeout(deadlineMs).addEventListener('abort', resolve))])
    return times
  } finally {
    complete.promise.catch(() => {}) // told above, when it came in time
    await consumer.disconnect()
    await admin.deleteGroups([groupId]).catch(() => {}) // the broker forgets an empty group by itself
  }
}
