/**
 * The topic that Kafka Connect reads: records with exactly the columns of the subject's first table. Connect's sink takes
 * flat records only; so what our pipeline's sink does, it is spared: reading nested records, coding tags, and every other
 * table.
 */
import { defineTopic, type Topic } from '#runtime/api.ts'
import type { Column, Kind, Subject, TagNumbers, Value } from '../subject.ts'

const PARTITIONS = 6

export type Flat = Record<string, Value>

/** As Connect's converter understands it; `connect.name` tells the sink what a string is. */
const AVRO: Readonly<Record<Kind, unknown>> = {
  int: 'int', long: 'long', float: 'float', double: 'double', boolean: 'boolean', text: 'string',
  uuid: { type: 'string', 'connect.name': 'io.debezium.data.Uuid' },
  bytes: 'bytes', halfvec: 'bytes',
  time: { type: 'long', logicalType: 'timestamp-millis' },
}

/** Row number `n` as a record; `tags` are those of a database that our sink has filled. */
export function flatValue({ tables: [{ columns }] }: Subject, n: number, tags: TagNumbers): Flat {
  return Object.fromEntries(columns.map(({ name, of }) => [name, of(n, tags)]))
}

export function flatTopic({ topic, tables: [{ name, columns }] }: Subject): Topic<Flat> {
  // Each value has a partition as good as another's.
  const spread = columns.find(({ kind }) => kind === 'uuid' || kind === 'long')!.name
  return defineTopic<Flat>({
    name: `${topic.name}-flat`, partitions: PARTITIONS, keyOf: (flat) => String(flat[spread]),
    schema: { type: 'record', name, namespace: 'bench.flat', fields: columns.map(fieldOf) },
  })
}

function fieldOf({ name, kind, nullable }: Column): object {
  return nullable ? { name, type: ['null', AVRO[kind]], default: null } : { name, type: AVRO[kind] }
}
