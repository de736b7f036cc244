/** What a topic holds, read by a group of its own. */
import { randomUUID } from 'node:crypto'
import { systemClock } from '#runtime/clock.ts'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import { KafkaSource } from '#runtime/kafka/source.ts'
import { createLog } from '#runtime/log.ts'
import type { SourceRecord } from '#runtime/loop/ports.ts'

/** A topic is read to its end when nothing came for this long. */
const QUIET_MS = 1_250
const STEP_MS = 250

/** Records that the topic has room for: end offsets added up, markers of transactions included. */
export async function sizeOfTopic({ admin }: KafkaConnection, topic: string): Promise<number> {
  return (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0)
}

/**
 * Every committed record, in order within each partition. Waits for the first one: just after a commit the end offset may
 * still leave the transaction out, so an end of 0 does not mean that nothing will come.
 */
export async function readTopic(connection: KafkaConnection, topic: string): Promise<SourceRecord[]> {
  const records: SourceRecord[] = []
  const failures: Error[] = []
  const source = new KafkaSource(connection, { groupId: `read.${randomUUID()}`, topics: [topic] }, createLog('test', 'silent'))
  await source.start({
    assigned: async () => [],
    revoked: () => {},
    failed: (error) => void failures.push(error),
    records: (_, batch) => void records.push(...batch),
  })
  let quietMs = 0
  for (let seen = -1; quietMs < QUIET_MS; seen = records.length) {
    await systemClock.sleep(STEP_MS)
    if (failures[0]) throw failures[0]
    quietMs = seen === records.length && seen > 0 ? quietMs + STEP_MS : 0
  }
  await source.stop()
  return records
}
