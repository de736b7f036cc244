/** Outgoing records in the form that kafkajs takes, cut into requests that a broker accepts. */
import type { TopicMessages } from './patches.ts'
import type { OutgoingRecord } from '../loop/ports.ts'

/**
 * Bytes of one request for one partition, before compression. The broker refuses a whole batch above the topic's
 * `max.message.bytes` (1 MiB), counted after compression; incompressible records must fit too.
 */
const MAX_PARTITION_BYTES = 700_000
const RECORD_OVERHEAD_BYTES = 200

/** Groups items so that no partition gets more than one broker batch in a request. An item is never split. */
export function chunksOf<T>(items: T[], recordsOf: (item: T) => OutgoingRecord[]): T[][] {
  const chunks: T[][] = []
  let chunk: T[] = []
  let held = new PartitionBytes()
  for (const item of items) {
    const records = recordsOf(item)
    if (chunk.length > 0 && !held.fits(records)) {
      chunks.push(chunk)
      chunk = []
      held = new PartitionBytes()
    }
    chunk.push(item)
    held.add(records)
  }
  if (chunk.length > 0) chunks.push(chunk)
  return chunks
}

/**
 * By topic. A record is a message as it is: it names its partition, since kafkajs would choose a new one on each retry
 * otherwise, and its time is read by the record writer.
 */
export function toTopicMessages(records: OutgoingRecord[]): TopicMessages[] {
  const topics = new Map<string, OutgoingRecord[]>()
  for (const record of records) {
    const messages = topics.get(record.topic)
    if (messages) messages.push(record)
    else topics.set(record.topic, [record])
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }))
}

/** Bytes of a request by topic and partition. */
class PartitionBytes {
  readonly #topics = new Map<string, Map<number, number>>()

  fits(records: OutgoingRecord[]): boolean {
    return records.every((record) => this.#of(record) + sizeOf(record) <= MAX_PARTITION_BYTES)
  }

  add(records: OutgoingRecord[]): void {
    for (const record of records) {
      const partitions = this.#topics.get(record.topic) ?? new Map<number, number>()
      this.#topics.set(record.topic, partitions.set(record.partition, this.#of(record) + sizeOf(record)))
    }
  }

  #of({ topic, partition }: OutgoingRecord): number {
    return this.#topics.get(topic)?.get(partition) ?? 0
  }
}

function sizeOf({ key, value }: OutgoingRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES
}
