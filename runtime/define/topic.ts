/** A topic as a value: its name, its schema, its key and how Kafka keeps it. Calling it makes an outgoing record. */

export interface TopicSpec<V> {
  /** A fact, `noun.past-participle`. */
  name: string
  /** Avro schema, as parsed JSON. */
  schema: object
  /** The record key, as text. */
  keyOf(value: V): string
  partitions: number
  /** 'delete' by age, or 'compact' to keep the newest record of each key. */
  cleanup?: 'delete' | 'compact'
  /** How long 'delete' keeps records; default 7 days. */
  retentionMs?: number
  /** Largest record batch that the broker takes; default 1 MiB. */
  maxMessageBytes?: number
}

export interface TopicDeclaration<V> extends Required<TopicSpec<V>> {}

/** A record to be written, before it has bytes. */
export interface Outgoing<V = unknown> {
  topic: Topic
  key: string
  value: V
}

export interface Topic<V = any> extends Readonly<TopicDeclaration<V>> {
  (value: V): Outgoing<V>
}

const WEEK_MS = 7 * 24 * 3600 * 1000

export function defineTopic<V>(spec: TopicSpec<V>): Topic<V> {
  const declaration: TopicDeclaration<V> = { cleanup: 'delete', retentionMs: WEEK_MS, maxMessageBytes: 1 << 20, ...spec }
  const topic = ((value: V) => ({ topic, key: declaration.keyOf(value), value })) as Topic<V>
  for (const [name, value] of Object.entries(declaration)) Object.defineProperty(topic, name, { value, enumerable: true })
  return topic
}
