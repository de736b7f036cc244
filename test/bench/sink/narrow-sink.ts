/** A sink for the narrow row, made as anybody would make one. It announces nothing, as its peers announce nothing. */
import { defineService, defineSink, defineTopic } from '#runtime/api.ts'
import { defineTopology } from '#runtime/define/topology.ts'
import { column, onePerRow, PostgresSinkStore, sinkOwner, type RowTables } from '#runtime/postgres/api.ts'
import { store } from '#processors/store/processor.ts'

export interface Reading {
  sensor: number
  unit: string
  value: number
  /** Unix milliseconds. */
  at: number
}

export const readingTaken = defineTopic<Reading>({
  name: 'reading.taken', partitions: 6, keyOf: ({ sensor }) => String(sensor),
  schema: {
    type: 'record', name: 'Reading', namespace: 'bench',
    fields: [{ name: 'sensor', type: 'long' }, { name: 'unit', type: 'string' }, { name: 'value', type: 'double' }, { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } }],
  },
})

const tables: RowTables<Reading, null> = {
  tables: [onePerRow('reading', [
    column('sensor', 'int8', ({ sensor }) => sensor),
    column('value', 'float8', ({ value }) => value),
    column('at', 'timestamptz', ({ at }) => at),
    column('unit', 'text', ({ unit }) => unit),
  ])],
  prepare: async () => null,
}

const keepReadings = defineSink<Reading, Reading>({
  name: 'keep', version: 1, reads: readingTaken, recordsDeadLetters: false, writes: [],
  store: defineService({
    name: 'readings',
    open: ({ config, at }) => new PostgresSinkStore({ sink: 'keep', databaseUrl: config.databaseUrl, rows: tables, owner: sinkOwner(), at }),
    close: (opened) => opened.close(),
  }),
  commit: store.commit,
  toRow: (reading) => reading,
  sizeOf: ({ unit }) => 60 + unit.length,
})

export const narrowTopology = defineTopology({ enters: [readingTaken], stages: [keepReadings], leaves: [] })
