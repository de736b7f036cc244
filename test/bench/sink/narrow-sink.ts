/** A sink for the narrow row, made as anybody would make one. */
import { defineService, defineSink, defineTopic, type RowOrigin } from '#runtime/api.ts'
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

interface Row extends Reading { origin: RowOrigin }

export const readingTaken = defineTopic<Reading>({
  name: 'reading.taken', partitions: 6, keyOf: ({ sensor }) => String(sensor),
  schema: {
    type: 'record', name: 'Reading', namespace: 'bench',
    fields: [{ name: 'sensor', type: 'long' }, { name: 'unit', type: 'string' }, { name: 'value', type: 'double' }, { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } }],
  },
})

/** A sink tells what it stored. */
export const readingStored = defineTopic<{ sensor: number }>({
  name: 'reading.stored', partitions: 6, keyOf: ({ sensor }) => String(sensor),
  schema: { type: 'record', name: 'Stored', namespace: 'bench', fields: [{ name: 'sensor', type: 'long' }] },
})

const readingRefused = defineTopic<{ reason: string }>({
  name: 'reading.refused', partitions: 1, keyOf: ({ reason }) => reason.slice(0, 20),
  schema: { type: 'record', name: 'Refused', namespace: 'bench', fields: [{ name: 'reason', type: 'string' }] },
})

const tables: RowTables<Row, null> = {
  tables: [onePerRow('reading', [
    column('sensor', 'int8', ({ sensor }) => sensor),
    column('value', 'float8', ({ value }) => value),
    column('at', 'timestamptz', ({ at }) => at),
    column('unit', 'text', ({ unit }) => unit),
  ])],
  // Nothing in the row says which it is; where it came from does.
  keyOf: ({ origin: { partition, offset } }) => `${partition}/${offset}`,
  originOf: ({ origin }) => origin,
  prepare: async () => null,
}

const keepReadings = defineSink<Reading, Row>({
  name: 'keep', version: 1, reads: readingTaken, recordsDeadLetters: false, writes: [readingStored, readingRefused],
  store: defineService({
    name: 'readings',
    open: ({ config, at }) => new PostgresSinkStore({ sink: 'keep', databaseUrl: config.databaseUrl, rows: tables, owner: sinkOwner(), at }),
    close: (opened) => opened.close(),
  }),
  commit: store.commit,
  toRow: (reading, origin) => ({ ...reading, origin }),
  sizeOf: ({ unit }) => 60 + unit.length,
  announceRow: ({ sensor }) => readingStored({ sensor }),
  announceFailure: ({ reason }) => readingRefused({ reason }),
})

export const narrowTopology = defineTopology({ enters: [readingTaken], stages: [keepReadings], leaves: [readingStored, readingRefused] })
