/** Outgoing records in the form that kafkajs takes, cut into requests that a broker accepts. */
import type { Message, TopicMessages } from './patches.ts'
import { partitionKey } from '../loop/partition-key.ts'
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
  let bytes = new Map<string, number>()
  for (const item of items) {
    if (chunk.length > 0 && !fits(recordsOf(item), bytes)) {
      chunks.push(chunk)
      chunk = []
      bytes = new Map()
    }
    chunk.push(item)
    addBytes(recordsOf(item), bytes)
  }
  if (chunk.length > 0) chunks.push(chunk)
  return chunks
}

/** By topic; every message names its partition, since kafkajs would choose a new one on each retry otherwise. */
export function toTopicMessages(records: OutgoingRecord[]): TopicMessages[] {
  const topics = new Map<string, Message[]>()
  for (const record of records) {
    const messages = topics.get(record.topic) ?? []
    topics.set(record.topic, messages)
    messages.push(toMessage(record))
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }))
}

function toMessage({ partition, key, value, headers, timestampMs }: OutgoingRecord): Message {
  return { partition, key, value, headers, timestamp: String(timestampMs) }
}

function fits(records: OutgoingRecord[], bytes: Map<string, number>): boolean {
  return records.every((record) => (bytes.get(partitionKey(record)) ?? 0) + sizeOf(record) <= MAX_PARTITION_BYTES)
}

function addBytes(records: OutgoingRecord[], bytes: Map<string, number>): void {
  for (const record of records) bytes.set(partitionKey(record), (bytes.get(partitionKey(record)) ?? 0) + sizeOf(record))
}

function sizeOf({ key, value }: OutgoingRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES
}
