/** A message of kafkajs as the loops know it. */
import type { KafkaMessage } from './patches.ts'
import type { PartitionId, SourceRecord } from '../loop/ports.ts'

export function toSourceRecord({ topic, partition }: PartitionId, message: KafkaMessage): SourceRecord {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    key: message.key,
    value: message.value,
    headers: toHeaders(message.headers),
    timestampMs: Number(message.timestamp),
  }
}

function toHeaders(headers: KafkaMessage['headers']): Record<string, Buffer> {
  const last: Record<string, Buffer> = {}
  for (const [name, value] of Object.entries(headers ?? {})) {
    const only = Array.isArray(value) ? value.at(-1) : value
    if (only != null) last[name] = typeof only === 'string' ? Buffer.from(only) : only
  }
  return last
}
