/** A message of kafkajs as the loops know it. */
import type { PartitionId, SourceRecord } from '../loop/ports.ts'

type HeaderValue = Buffer | string | null | undefined

/** What kafkajs's consumers are given, and what `PartitionReader` gives. */
export interface ReadMessage {
  offset: string
  timestamp: string
  key: Buffer | null
  value: Buffer | null
  headers?: Record<string, HeaderValue | HeaderValue[]>
}

export function toSourceRecord({ topic, partition }: PartitionId, message: ReadMessage): SourceRecord {
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

/** A header without a value is none; nor is one called `__proto__`, which would change the object that holds the others. */
function toHeaders(headers: ReadMessage['headers']): Record<string, Buffer> {
  const last: Record<string, Buffer> = {}
  for (const name in headers) {
    const value = headers[name]
    const only = Array.isArray(value) ? value.at(-1) : value
    if (only != null && name !== '__proto__') last[name] = typeof only === 'string' ? Buffer.from(only) : only
  }
  return last
}
