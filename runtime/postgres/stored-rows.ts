/**
 * What of a batch is stored already, and whether it differs. Stored rows are read back in the form in which they were
 * written (COPY TO in binary format) and compared byte by byte, so an unchanged row costs no write at all.
 */
import type { Client } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { quote, type CopyTable } from './copy-table.ts'
import { tuplesByKey } from './copy-tuples.ts'
import type { Place, Replaced } from './batch-rows.ts'
import { TupleBytes } from './tuple-bytes.ts'

/** Keys of one look: some 7 MB of rows. */
const LOOK_KEYS = 5_000

/** What a batch is written with. */
export interface Batch<Row, Ids> {
  client: Client
  tables: readonly CopyTable<Row, Ids>[]
  ids: Ids
  /** What was found out so far. */
  replaced: Replaced<Row>
}

/** What is to be written, of rows looked up in one place: those not stored there, and those that differ, which are added to `replaced`. */
export async function lookUp<Row, Ids>(batch: Batch<Row, Ids>, keyOf: (row: Row) => string, place: Place, rows: readonly Row[]): Promise<Row[]> {
  const due: Row[] = []
  for (let at = 0; at < rows.length; at += LOOK_KEYS) {
    const some = new Map(rows.slice(at, at + LOOK_KEYS).map((row) => [keyOf(row), row]))
    const stored = await storedKeys(batch, place, [...some.keys()])
    const changed = await changedAmong(batch, place, new Map([...some].filter(([key]) => stored.has(key))))
    for (const [key, row] of some) {
      if (changed.has(key)) batch.replaced.set(row, { ...place, key })
      if (changed.has(key) || !stored.has(key)) due.push(row)
    }
  }
  return due
}

/** Deletes what these rows replace, from every table. */
export async function deleteReplaced<Row, Ids>({ client, tables, replaced }: Batch<Row, Ids>, rows: readonly Row[]): Promise<void> {
  if (replaced.size === 0) return
  const replacing = Map.groupBy(rows.flatMap((row) => replaced.get(row) ?? []), (stored) => conditionOn(stored))
  for (const [condition, some] of replacing) {
    for (const table of tables) {
      await client.query(`delete from ${quote(table.name)} where ${condition} and ${quote(table.key)} = any($1::uuid[])`, [some.map(({ key }) => key)])
    }
  }
}

async function storedKeys<Row, Ids>({ client, tables }: Batch<Row, Ids>, place: Place, keys: string[]): Promise<Set<string>> {
  const table = tables[0]!
  const text = `select ${quote(table.key)} as key from ${quote(table.name)} where ${conditionOn(place)} and ${quote(table.key)} = any($1::uuid[])`
  const { rows } = await client.query<{ key: string }>(text, [keys])
  return new Set(rows.map(({ key }) => key))
}

/** The keys of those that are stored otherwise. */
async function changedAmong<Row, Ids>({ client, tables, ids }: Batch<Row, Ids>, place: Place, rows: ReadonlyMap<string, Row>): Promise<Set<string>> {
  const changed = new Set<string>()
  const wanted = new TupleBytes()
  for (const table of rows.size === 0 ? [] : tables) {
    const stored = tuplesByKey(await readBack(client, table, place, [...rows.keys()]), table.content.indexOf(table.key))
    for (const [key, row] of rows) if (!isContent(stored.get(key) ?? NOTHING, table, row, ids, wanted)) changed.add(key)
  }
  return changed
}

const NOTHING = Buffer.alloc(0)

/** Whether the row's tuples would be these bytes. A row that has no form is none that is stored: copying it tells why. */
function isContent<Row, Ids>(stored: Buffer, table: CopyTable<Row, Ids>, row: Row, ids: Ids, wanted: TupleBytes): boolean {
  wanted.begin()
  try {
    table.writeContent(wanted.writer, row, ids)
  } catch {
    return false
  }
  const { slab, start, length } = wanted
  return slab.compare(stored, 0, stored.length, start, start + length) === 0
}

/** The keys are uuids by their form, which their type cannot say: they are checked before they become SQL. */
async function readBack<Row, Ids>(client: Client, table: CopyTable<Row, Ids>, place: Place, some: string[]): Promise<Buffer> {
  const keys = some.toSorted()
  const odd = keys.find((key) => !/^[0-9a-f-]{36}$/.test(key))
  if (odd !== undefined) throw new TypeError(`not a uuid: ${odd.slice(0, 40)}`)
  const key = quote(table.key)
  const order = [table.key, ...table.order].map(quote).join(', ')
  // The range is for block-range indexes, which know nothing of lists.
  const stream = client.query(copyTo(`copy (select ${table.content.map(quote).join(', ')} from ${quote(table.name)}
    where ${conditionOn(place)} and ${key} between '${keys[0]!}' and '${keys.at(-1)!}' and ${key} = any('{${keys.join(',')}}'::uuid[]) order by ${order}) to stdout (format binary)`))
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function conditionOn({ segment }: Place): string {
  return segment === undefined ? 'true' : `segment = ${segment}`
}
