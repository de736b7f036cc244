/** What work in Postgres takes: time, the processor's time, WAL, and room. */
import { readFileSync } from 'node:fs'
import type { Client } from 'pg'
import { walBytes } from '../writes/ground/wal-dump.ts'

export interface Cost {
  seconds: number
  /** Of the session's process; undefined where the system does not tell. */
  cpuSeconds: number | undefined
  walBytes: number
  /** On the disk. */
  bytes: number
}

/** All but the room. The WAL is the cluster's: nobody else may be at work. */
export async function costOf<T>(client: Client, work: () => Promise<T>): Promise<{ result: T; cost: Omit<Cost, 'bytes'> }> {
  const [wal, cpu, startedMs] = [await walPlace(client), await processSeconds(client), performance.now()]
  const result = await work()
  const seconds = (performance.now() - startedMs) / 1000
  const cpuSeconds = difference(cpu, await processSeconds(client))
  return { result, cost: { seconds, cpuSeconds, walBytes: Number(await walPlace(client) - wal) } }
}

export function sumOf(costs: readonly Cost[]): Cost {
  const total = (of: (cost: Cost) => number): number => costs.reduce((sum, cost) => sum + of(cost), 0)
  const isKnown = costs.every(({ cpuSeconds }) => cpuSeconds !== undefined)
  return {
    seconds: total(({ seconds }) => seconds), cpuSeconds: isKnown ? total(({ cpuSeconds }) => cpuSeconds!) : undefined,
    walBytes: total((cost) => cost.walBytes), bytes: total(({ bytes }) => bytes),
  }
}

/** The time that the session's process has run, as Linux counts it; undefined elsewhere. */
export async function processSeconds(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  try {
    return Number(readFileSync(`/proc/${rows[0]!.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e9
  } catch {
    return undefined
  }
}

export function difference(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before
}

export async function sizeOf(client: Client, measure: 'pg_table_size' | 'pg_total_relation_size', relations: string[]): Promise<number> {
  const { rows } = await client.query<{ bytes: number }>(`select sum(${measure}(name::regclass))::float8 as bytes from unnest($1::text[]) as name`, [relations])
  return rows[0]!.bytes
}

async function walPlace(client: Client): Promise<bigint> {
  const { rows } = await client.query<{ place: string }>('select pg_current_wal_insert_lsn() as place')
  return walBytes(rows[0]!.place)
}
