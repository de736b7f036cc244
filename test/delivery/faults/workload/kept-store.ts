/** The sink's table, and how rows lie in it. */
import { defineService, type RowOrigin, type Service } from '#runtime/api.ts'
import { column, onePerRow, PostgresSinkStore, sinkOwner, type RowTables } from '#runtime/postgres/api.ts'

export interface KeptRow {
  id: string
  key: string
  family: string
  seq: number
  weight: number
  verdict: string
  of: string | null
  origin: RowOrigin
}

export const KEPT_TABLE = `
  create table kept (
    id uuid primary key,
    key text not null,
    family text not null,
    seq int not null,
    weight int not null check (weight >= 0),
    verdict text not null,
    of_id uuid,
    topic_partition int not null,
    topic_offset bigint not null,
    event_at timestamptz not null,
    stored_at timestamptz not null default clock_timestamp()
  )`

const ROWS: RowTables<KeptRow, undefined> = {
  tables: [onePerRow<KeptRow, undefined>('kept', [
    column('id', 'uuid', ({ id }) => id),
    column('key', 'text', ({ key }) => key),
    column('family', 'text', ({ family }) => family),
    column('seq', 'int4', ({ seq }) => seq),
    column('weight', 'int4', ({ weight }) => weight),
    column('verdict', 'text', ({ verdict }) => verdict),
    column('of_id', 'uuid', ({ of }) => of),
    column('topic_partition', 'int4', ({ origin }) => origin.partition),
    column('topic_offset', 'int8', ({ origin }) => origin.offset),
    column('event_at', 'timestamptz', ({ origin }) => origin.eventTimeMs),
  ], { provenance: ['topic_partition', 'topic_offset'] })],
  keyOf: ({ id }) => id,
  prepare: async () => undefined,
}

/** Shorter than in production, so that a frozen owner or a dead connection is noticed within a round. */
const TIMEOUTS = { connectMs: 3_000, statementMs: 10_000, lockMs: 3_000, idleInTransactionMs: 4_000 }
const DEADLINE_MS = 12_000

export function keptStore(sink: string): Service<PostgresSinkStore<KeptRow, undefined>> {
  return defineService({
    name: 'kept-store',
    open: ({ config, at }) => new PostgresSinkStore({ sink, databaseUrl: config.databaseUrl, rows: ROWS, owner: sinkOwner(), timeouts: TIMEOUTS, deadlineMs: DEADLINE_MS, at }),
    close: (opened) => opened.close(),
  })
}
