/**
 * The second peer: node-postgres with one INSERT of many rows after the other, in commits of as many rows as our sink's.
 * Its rows are made before the time is taken: nothing is read from Kafka or decoded.
 *
 * Parameters of a prepared statement, and not arrays for `unnest`: a buffer travels as a binary parameter, but in an array
 * as hexadecimal text. For the narrow row, which has no buffers, the two were as fast as each other.
 */
import { Client } from 'pg'
import { openTable, type Column, type Subject, type Table, type TagNumbers, type Value } from './subject.ts'

/** The protocol counts parameters by 16 bits. */
const MAX_PARAMETERS = 65_535
const ROWS = 1_000

export interface Inserting {
  databaseUrl: string
  /** Rows in each commit. */
  commits: number[]
  tags: TagNumbers
}

interface Statement { name: string; text: string; rows: number }

/** Seconds that the transactions took. The tables are empty. */
export async function insertCommits({ tables }: Subject, { databaseUrl, commits, tags }: Inserting): Promise<number> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    let [from, ms] = [0, 0]
    for (const rows of commits) {
      const inserts = tables.flatMap((table) => insertsFor(table, from, rows, tags))
      const startedMs = performance.now()
      await client.query('begin')
      for (const insert of inserts) await client.query(insert)
      await client.query('commit')
      ms += performance.now() - startedMs
      from += rows
    }
    return ms / 1000
  } finally {
    await client.end()
  }
}

interface Insert { name: string; text: string; values: unknown[] }

function insertsFor(table: Table, from: number, count: number, tags: TagNumbers): Insert[] {
  const inserts: Insert[] = []
  for (let at = from; at < from + count; at += ROWS) {
    const { name, text, rows } = statementFor(table, Math.min(ROWS, from + count - at))
    const values = Array.from({ length: rows }, (_, index) => table.columns.map((column) => parameterOf(column, column.of(at + index, tags))))
    inserts.push({ name, text, values: values.flat() })
  }
  return inserts
}

function statementFor(table: Table, rows: number): Statement {
  const width = table.columns.length
  if (rows * width > MAX_PARAMETERS) throw new Error(`${rows} rows of ${width} columns are too many parameters`)
  const tuple = (row: number): string => `(${table.columns.map((_, column) => `$${row * width + column + 1}`).join(', ')})`
  const names = table.columns.map(({ name }) => `"${name}"`).join(', ')
  return { name: `${table.name} ${rows}`, rows, text: `insert into "${openTable(table)}" (${names}) values ${Array.from({ length: rows }, (_, row) => tuple(row)).join(', ')}` }
}

function parameterOf({ kind }: Column, value: Value): unknown {
  return kind === 'time' ? new Date(value as number) : value
}
