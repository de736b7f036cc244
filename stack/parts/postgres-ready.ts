/** The pipeline's role and database, and whether they answer. */
import pg from 'pg'
import { until } from '../wait.ts'

export const ROLE = 'sluice'
export const DATABASE = 'sluice'

/** What tests and benchmarks need beyond a plain role: databases of their own, checkpoints, and statistics. */
const RIGHTS = `
  do $$ begin
    if not exists (select from pg_roles where rolname = '${ROLE}') then
      create role ${ROLE} login createdb;
      grant pg_checkpoint, pg_monitor, pg_signal_backend to ${ROLE};
    end if;
  end $$`

/** As superuser by the socket, and idempotent: a first start that was cut short is completed by the next. */
export async function createRoleAndDatabase(host: string, port: number, signal: AbortSignal): Promise<void> {
  const admin = { host, port, user: 'postgres', database: 'postgres', connectionTimeoutMillis: 5_000 }
  await until(() => query(admin, 'select 1'), signal)
  await query(admin, RIGHTS)
  const { rowCount } = await query(admin, `select from pg_database where datname = '${DATABASE}'`)
  if (rowCount === 0) await query(admin, `create database ${DATABASE} owner ${ROLE}`)
}

/** Resolves when the database of this URL answers. */
export async function postgresAnswers(url: string, signal: AbortSignal): Promise<void> {
  await until(() => query({ connectionString: url, connectionTimeoutMillis: 5_000 }, 'select 1'), signal)
}

async function query(config: pg.ClientConfig, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client(config)
  client.on('error', () => undefined) // the server may end while it starts; the query's own error says so
  try {
    await client.connect()
    return await client.query(sql)
  } finally {
    await client.end().catch(() => undefined)
  }
}
