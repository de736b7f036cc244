/** What Postgres counts of itself (the manual: The Cumulative Statistics System). */
import type pg from 'pg'
import { until } from '#stack/wait.ts'
import type { PostgresCounts } from '../layers.ts'

/** All but what is read from the WAL itself. */
export type OwnCounts = Omit<PostgresCounts, 'walByManager'>

/** An idle session reports what it still holds back within 10 s (PGSTAT_IDLE_INTERVAL in pgstat.c). */
const HELD_BACK_S = 10.5
const REPORT_DEADLINE_MS = 30_000

/** The start of a session is a transaction too, and none of the work's. */
const COUNTS = `
  with io as (
    select backend_type, context, coalesce(write_bytes, 0) / 8192 as written, coalesce(extend_bytes, 0) / 8192 as extended
    from pg_stat_io where object = 'relation'
  )
  select (select sum(xact_commit - sessions) from pg_stat_database where datname <> 'postgres')::float8 as commits,
    wal_records::float8 as records, wal_fpi::float8 as images, wal_bytes::float8 as bytes, wal_buffers_full::float8 as full,
    (select buffers_written from pg_stat_checkpointer)::float8 as checkpointer,
    (select sum(written) from io where backend_type = 'background writer')::float8 as writer,
    (select sum(written) from io where context = 'vacuum')::float8 as vacuum,
    (select sum(written) from io where context <> 'vacuum' and backend_type not in ('background writer', 'checkpointer'))::float8 as backends,
    (select sum(extended) from io)::float8 as extended
  from pg_stat_wal`

const BUSY = `
  select format('process %s, %s since %s: %s', pid, state, state_change, left(query, 100)) as what from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid() and (state <> 'idle' or state_change > now() - make_interval(secs => $1))`

type Row = Record<'commits' | 'records' | 'images' | 'bytes' | 'full' | 'checkpointer' | 'writer' | 'vacuum' | 'backends' | 'extended', number>

/** Since the cluster was made. */
export async function readCounts(client: pg.Client): Promise<OwnCounts> {
  await client.query('select pg_stat_force_next_flush()')
  const { rows: [row] } = await client.query<Row>(COUNTS)
  const { commits, records, images, bytes, full, checkpointer, writer, vacuum, backends, extended } = row!
  return {
    commits,
    wal: { records, fullPageImages: images, bytes, buffersFull: full },
    pagesWritten: { checkpointer, backgroundWriter: writer, backends, vacuum, extended },
  }
}

export function countsBetween(before: OwnCounts, after: OwnCounts): OwnCounts {
  return { commits: after.commits - before.commits, wal: less(after.wal, before.wal), pagesWritten: less(after.pagesWritten, before.pagesWritten) }
}

function less<T extends Record<string, number>>(after: T, before: T): T {
  return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name]!])) as T
}

/** Resolves when no session but ours is at work. @throws Error naming one that still is after 30 s */
export function allIdle(client: pg.Client): Promise<void> {
  return idleFor(client, 0)
}

/** Resolves when every session but ours has ended, or has been idle for so long that it has reported all its counts. */
export function allReported(client: pg.Client): Promise<void> {
  return idleFor(client, HELD_BACK_S)
}

async function idleFor(client: pg.Client, seconds: number): Promise<void> {
  let busy = ''
  await until(async () => {
    const { rows: [row] } = await client.query<{ what: string }>(BUSY, [seconds])
    busy = row?.what ?? ''
    return row === undefined ? true : undefined
  }, AbortSignal.timeout(REPORT_DEADLINE_MS)).catch((error: unknown) => {
    throw new Error(`a session is still at work: ${busy}`, { cause: error })
  })
}
