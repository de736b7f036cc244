/**
 * The first peer: psql, which copies the very tuples that our sink wrote, in their order and in commits of the same rows,
 * from binary files. Nothing is read from Kafka, decoded or encoded.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { postgresBinaries } from '#stack/artifacts.ts'
import { run } from '#stack/command.ts'
import { homeOf } from '#stack/install.ts'
import { onServer } from '#test/support/database.ts'
import { openTable, type Subject, type Table } from './subject.ts'

const DEADLINE_MS = 300_000

/** A transaction of our sink's: one file for each table. */
export interface Commit { files: { table: Table; path: string }[] }

/** Writes files of what lies in the tables; the system column xmin tells which tuples were committed together, and counts up. */
export async function exportCommits(databaseUrl: string, { tables }: Subject, dir: string): Promise<Commit[]> {
  await mkdir(dir, { recursive: true })
  const found = await onServer<{ xmin: string }>(databaseUrl, `select xmin::text as xmin from "${tables[0].name}" group by xmin order by xmin::text::bigint`)
  const commits = found.map(({ xmin }) => ({ xmin, files: tables.map((table) => ({ table, path: join(dir, `${table.name}-${xmin}`) })) }))
  const lines = commits.flatMap(({ xmin, files }) => files.map(({ table, path }) =>
    `\\copy (select ${columnsOf(table)} from "${table.name}" where xmin::text = '${xmin}') to '${path}' with (format binary)`))
  // A scan may otherwise begin where another one is, and not at the first page.
  await psql(databaseUrl, join(dir, 'export.sql'), ['set synchronize_seqscans = off;', ...lines])
  return commits
}

/** Seconds from psql's start to its end. The tables are empty. */
export async function copyCommits(databaseUrl: string, commits: Commit[], dir: string): Promise<number> {
  const lines = commits.flatMap(({ files }) => [
    'begin;', ...files.map(({ table, path }) => `\\copy "${openTable(table)}" (${columnsOf(table)}) from '${path}' with (format binary)`), 'commit;',
  ])
  const startedMs = performance.now()
  await psql(databaseUrl, join(dir, 'import.sql'), lines)
  return (performance.now() - startedMs) / 1000
}

export async function removeCommits(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
}

async function psql(databaseUrl: string, script: string, lines: string[]): Promise<void> {
  await writeFile(script, lines.join('\n') + '\n')
  await run(join(postgresBinaries(homeOf('postgres')), 'psql'), [databaseUrl, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', script], { timeoutMs: DEADLINE_MS })
}

function columnsOf({ columns }: Table): string {
  return columns.map(({ name }) => `"${name}"`).join(', ')
}
