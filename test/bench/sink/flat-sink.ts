/**
 * Our sink as a program that copies records as they are: from the topic of flat records that Kafka Connect reads, into the
 * table that Kafka Connect writes. It announces nothing, and the table has no key.
 */
import { defineService, defineSink, type Sink, type Topic } from '#runtime/api.ts'
import { defineTopology, type Topology } from '#runtime/define/topology.ts'
import { column, PostgresSinkStore, RowPacker, sinkOwner, type PackedRow } from '#runtime/postgres/api.ts'
import type { PgType } from '#runtime/postgres/copy-binary.ts'
import { store } from '#processors/store/processor.ts'
import { flatTopic, type Flat } from './connect/flat-topic.ts'
import { PEER_TABLE } from './connect/peer-table.ts'
import type { Subject } from './subject.ts'

/** `types`: those of the table's columns, by name. */
export function flatTopology(subject: Subject, types: ReadonlyMap<string, PgType>): Topology {
  const topic = flatTopic(subject)
  return defineTopology({ enters: [topic], stages: [flatSink(topic, subject, types)], leaves: [] })
}

function flatSink(topic: Topic<Flat>, subject: Subject, types: ReadonlyMap<string, PgType>): Sink<Flat, PackedRow> {
  const columns = subject.tables[0].columns.map(({ name }) => column<Flat, unknown, PgType>(name, types.get(name)!, (flat) => flat[name] as never))
  const packer = new RowPacker<Flat, PackedRow, null>((_, slab, start) => ({ slab, start })).one(PEER_TABLE, columns, [])
  return defineSink<Flat, PackedRow>({
    name: 'keep-flat', version: 1, reads: topic, recordsDeadLetters: false, writes: [],
    store: defineService({
      name: 'flat-table',
      open: ({ config, at }) => new PostgresSinkStore({ sink: 'keep-flat', databaseUrl: config.databaseUrl, rows: { tables: packer.tables, prepare: async () => null }, owner: sinkOwner(), at }),
      close: (opened) => opened.close(),
    }),
    commit: store.commit,
    toRow: (flat) => packer.pack(flat),
    sizeOf: (row) => packer.endIn(row) - row.start,
  })
}
