/** Failures as rows of `asset_failure`; the same coordinates twice are one row. */
import type { Failure, Position } from '../loop/ports.ts'
import type { Query } from './dictionary.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** What a page of failures can bear; keys and reasons come from outside. */
const KEY_CHARACTERS = 200
const REASON_CHARACTERS = 500

const INSERT = `
  insert into asset_failure (stage, code, reason, asset_id, key, topic, partition, "offset", attempts, event_at, trace_id)
  select stage, code, reason, asset_id, key, topic, partition, "offset", attempts, to_timestamp(event_ms / 1000.0), trace_id
  from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::int[], $8::bigint[], $9::int[], $10::float8[], $11::uuid[])
    as w (stage, code, reason, asset_id, key, topic, partition, "offset", attempts, event_ms, trace_id)
  order by stage, topic, partition, "offset"
  on conflict do nothing`

const AT = `
  select stage, code, reason, coalesce(asset_id::text, key) as key, topic, partition, "offset", attempts,
    extract(epoch from event_at) * 1000 as event_ms, trace_id
  from asset_failure
  where stage = $1 and (topic, partition, "offset") in (select * from unnest($2::text[], $3::int[], $4::bigint[]))`

export async function insertFailures(failures: Failure[], query: Query): Promise<void> {
  if (failures.length === 0) return
  const column = <T>(of: (failure: Failure) => T): T[] => failures.map(of)
  await query(INSERT, [
    column(({ stage }) => storable(stage, KEY_CHARACTERS)), column(({ code }) => storable(code, KEY_CHARACTERS)),
    column(({ reason }) => storable(reason, REASON_CHARACTERS)),
    column(({ key }) => (key !== null && UUID.test(key) ? key : null)),
    column(({ key }) => (key === null || UUID.test(key) ? null : storable(key, KEY_CHARACTERS))),
    column(({ topic }) => storable(topic, KEY_CHARACTERS)), column(({ partition }) => bounded(partition, 2 ** 31 - 1)),
    column(({ offset }) => offset), column(({ attempts }) => bounded(attempts, 2 ** 31 - 1)),
    column(({ eventTimeMs }) => bounded(eventTimeMs, LATEST_MS)), column(({ traceId }) => traceId?.toString('hex') ?? null),
  ])
}

/** The failures of a stage that are recorded at these coordinates. */
export async function failuresAt(stage: string, positions: Position[], query: Query): Promise<Failure[]> {
  if (positions.length === 0) return []
  const { rows } = await query<FailureRow>(AT, [
    stage, positions.map(({ topic }) => topic), positions.map(({ partition }) => partition), positions.map(({ offset }) => offset),
  ])
  return rows.map(({ event_ms, trace_id, offset, ...row }) => ({
    ...row, offset: Number(offset), eventTimeMs: Math.round(Number(event_ms)), value: null,
    traceId: trace_id === null ? null : Buffer.from(trace_id.replaceAll('-', ''), 'hex'),
  }))
}

interface FailureRow extends Omit<Failure, 'offset' | 'eventTimeMs' | 'traceId' | 'value'> {
  offset: string
  event_ms: string
  trace_id: string | null
}

/** Year 9999: beyond it Postgres' own range of timestamps is not far, and no event time is honest. */
const LATEST_MS = 253_402_300_799_999

/** A failure must never fail: it is the last place where a record can be told of. */
function storable(text: string, limit: number): string {
  return text.replaceAll('\0', '\ufffd').slice(0, limit)
}

function bounded(number: number, limit: number): number {
  return Number.isFinite(number) ? Math.min(Math.max(number, 0), limit) : 0
}
