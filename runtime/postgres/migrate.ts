/**
 * Brings a database to this program's tables: numbered files, each applied once, in order, in a transaction of its
 * own. Any number of processes may migrate at once: one does, the others wait and find it done.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { Halt, reasonOf } from '../errors.ts'
import { verdictOnPostgres } from './errors.ts'

export interface Migration {
  number: number
  /** The file's name. */
  name: string
  sql: string
  sha256: Buffer
}

export interface MigrateOptions {
  databaseUrl: string
  /** Folder of the numbered files. */
  dir: string
  /** Made when it is missing; `public` by default. */
  schema?: string
  log?: (line: string) => void
}

/** "sluice m" as a number: the key of the advisory lock. */
const LOCK_KEY = '8317701129943654509'

/** Waiting for another process that migrates. */
const WAIT_MS = 120_000

/** halfvec, and iterative index scans, came with 0.7 and 0.8; before 0.8.2 parallel index builds overflow. */
const VECTOR_MINIMUM = [0, 8]

const FILE = /^(\d{4})-[a-z0-9-]+\.sql$/

/**
 * Applies what is missing; resolves to the names applied.
 * @throws Halt `migrate.*`, `postgres.*`; RetryLater `postgres.away`
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const migrations = readMigrations(options.dir)
  const client = new Client({ connectionString: options.databaseUrl, connectionTimeoutMillis: 10_000, application_name: 'sluice migrate' })
  client.on('error', () => {})
  try {
    await client.connect()
    return await migrateLocked(client, migrations, options)
  } catch (error) {
    throw verdictOnPostgres(error)
  } finally {
    // Ends the session, and with it the lock; a connection that broke has ended already.
    await client.end().catch(() => {})
  }
}

/** The files of a folder in order. @throws Halt `migrate.numbering` */
export function readMigrations(dir: string): Migration[] {
  const names = readdirSync(dir).filter((name) => FILE.test(name)).sort()
  return names.map((name, index) => {
    const number = Number(FILE.exec(name)![1])
    if (number !== index + 1) throw new Halt('migrate.numbering', `${name} stands where number ${index + 1} belongs.`, 'Number the migrations 0001, 0002, … without gaps.')
    const sql = readFileSync(join(dir, name), 'utf8')
    return { number, name, sql, sha256: createHash('sha256').update(sql).digest() }
  })
}

async function migrateLocked(client: Client, migrations: Migration[], { schema = 'public', log = () => {} }: MigrateOptions): Promise<string[]> {
  await client.query(`set statement_timeout = ${WAIT_MS}; set client_min_messages = warning`)
  await client.query('select pg_advisory_lock($1)', [LOCK_KEY])
  await prepare(client, schema)
  const pending = checkApplied(migrations, await appliedIn(client))
  // Building an index on a full table may take long; only the wait for others is bounded.
  await client.query('set statement_timeout = 0')
  for (const migration of pending) {
    await apply(client, migration)
    log(`applied ${migration.name}`)
  }
  return pending.map(({ name }) => name)
}

async function prepare(client: Client, schema: string): Promise<void> {
  await requireVector(client)
  const name = client.escapeIdentifier(schema)
  await client.query(`create schema if not exists ${name}`)
  await client.query(`set search_path to ${name}, public`)
  await client.query(`create table if not exists ${name}.schema_migration (
    number integer primary key, name text not null, sha256 bytea not null, applied_at timestamptz not null default now())`)
}

/** @throws Halt `postgres.no-vector` */
async function requireVector(client: Client): Promise<void> {
  const remedy = 'Install pgvector 0.8 or newer for this server (a package such as postgresql-17-pgvector, or the image pgvector/pgvector), then run `alter extension vector update`.'
  await client.query('create extension if not exists vector with schema public').catch((error: unknown) => {
    throw new Halt('postgres.no-vector', `The extension vector cannot be made: ${reasonOf(error)}`, remedy, { cause: error })
  })
  const { rows } = await client.query<{ extversion: string }>("select extversion from pg_extension where extname = 'vector'")
  const version = rows[0]?.extversion ?? '0'
  if (!isAtLeast(version, VECTOR_MINIMUM)) throw new Halt('postgres.no-vector', `pgvector is ${version}.`, remedy)
}

/** Whether a dotted version is not lower. */
export function isAtLeast(version: string, minimum: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  for (const [index, least] of minimum.entries()) {
    const part = parts[index] ?? 0
    if (part !== least) return part > least
  }
  return true
}

interface Applied { number: number; name: string; sha256: Buffer }

async function appliedIn(client: Client): Promise<Applied[]> {
  return (await client.query<Applied>('select number, name, sha256 from schema_migration order by number')).rows
}

/** What is to be applied. @throws Halt `migrate.edited`, `migrate.ahead` */
export function checkApplied(migrations: Migration[], applied: Applied[]): Migration[] {
  for (const { number, name, sha256 } of applied) {
    const migration = migrations[number - 1]
    if (!migration) throw new Halt('migrate.ahead', `The database has ${name}, which this program does not know.`, 'Run the program that made it, or a newer one.')
    if (!migration.sha256.equals(sha256)) {
      throw new Halt('migrate.edited', `${migration.name} was changed after it was applied as ${name}.`, 'Restore the file, and put the change into a new migration.')
    }
  }
  return migrations.slice(applied.length)
}

async function apply(client: Client, { number, name, sql, sha256 }: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query(sql)
    await client.query('insert into schema_migration (number, name, sha256) values ($1, $2, $3)', [number, name, sha256])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw new Halt('migrate.failed', `${name}: ${reasonOf(error)}`, 'Read the message of Postgres; nothing of this migration was kept.', { cause: error })
  }
}
