/** A way to lay rows out that is tried on raw SQL before anything is built on it. */
import type { Client } from 'pg'
import { assetTables, type AssetIds } from '#processors/store/asset-tables.ts'
import { toRow, type AssetRow } from '#processors/store/asset-row.ts'
import { CopyWriter } from '#runtime/postgres/copy-binary.ts'
import type { CopyTable } from '#runtime/postgres/api.ts'
import { assetOf, originOf } from '../assets/asset-series.ts'
import { commitsOf, copyChunks, inTransaction, numbersIn, onSession } from './session.ts'
import { ours } from './ours.ts'
import type { Subject } from './subject.ts'

export interface LayoutTrial {
  name: string
  about: string
  /** On the product's own tables, empty. */
  before: string
  /** Inside a transaction: stores the tuples of commit number `serial`, from 0. */
  commit(client: Client, tuples: Tuples[], serial: number): Promise<void>
  /** Tables to freeze when all is written; none when their rows were frozen when they were written. */
  freeze: string[]
  /** A query for the number of assets stored. */
  count: string
}

/** What one table gets in a commit. */
export interface Tuples {
  table: string
  columns: string[]
  /** COPY's binary format. */
  chunks: Buffer[]
}

export function trialSubject(trial: LayoutTrial): Subject {
  return {
    name: trial.name,
    design: 'ours',
    about: trial.about,
    async prepare(databaseUrl, preloaded) {
      if (preloaded > 0) throw new Error('layouts are tried on empty tables')
      await ours.prepare(databaseUrl, 0)
      await onSession(databaseUrl, (client) => client.query(trial.before))
    },
    write: (databaseUrl, range, rowsPerCommit) => onSession(databaseUrl, async (client) => {
      const encode = encoderOf(client)
      let serial = 0
      for (const commit of commitsOf(range, rowsPerCommit)) {
        const tuples = await encode(numbersIn(commit).map((n) => toRow(assetOf(n), originOf(n))))
        await inTransaction(client, () => trial.commit(client, tuples, serial))
        serial += 1
      }
    }),
    settle: (databaseUrl) => onSession(databaseUrl, async (client) => {
      for (const table of trial.freeze) await client.query(`vacuum (freeze) ${table}`)
    }),
    verify: (databaseUrl, _range, stored) => onSession(databaseUrl, async (client) => {
      const { rows } = await client.query<{ count: number }>(trial.count)
      if (Number(rows[0]!.count) !== stored) throw new Error(`${trial.name}: ${rows[0]!.count} assets are stored, not ${stored}`)
    }),
  }
}

/** Copies tuples into a table under another name, perhaps. */
export function copyTuples(client: Client, { columns, chunks }: Tuples, table: string, options = ''): Promise<void> {
  return copyChunks(client, `copy ${table} (${columns.join(', ')}) from stdin (format binary${options})`, chunks)
}

/** By the product's own columns. */
function encoderOf(client: Client): (rows: AssetRow[]) => Promise<Tuples[]> {
  const { tables, prepare } = assetTables()
  return async (rows) => {
    const ids = await prepare(rows, (text, values = []) => client.query(text, values))
    return tables.map((table) => ({ table: table.name, columns: table.columns.map((name) => `"${name}"`), chunks: encode(table, rows.filter((row) => table.has(row)), ids) }))
  }
}

const CHUNK_BYTES = 1 << 20

/** Of a CopyData message: pg-copy-streams makes its own. */
const HEAD_BYTES = 5

function encode(table: CopyTable<AssetRow, AssetIds>, rows: AssetRow[], ids: AssetIds): Buffer[] {
  const chunks: Buffer[] = []
  const writer = new CopyWriter(Buffer.allocUnsafe(CHUNK_BYTES), (filled, bytes) => {
    chunks.push(filled.subarray(HEAD_BYTES))
    return Buffer.allocUnsafe(Math.max(CHUNK_BYTES, bytes))
  })
  writer.begin()
  for (const row of rows) table.write(writer, row, ids)
  chunks.push(writer.end().subarray(HEAD_BYTES))
  return chunks
}
