/** What a table holds, and what it should: a count and a sum over digests of its rows, in any order. */
import { hash } from 'node:crypto'
import { onServer } from '#test/support/database.ts'
import type { Column, Subject, Table, TagNumbers, Value } from './subject.ts'

export interface Contents { rows: number; sum: bigint }

/** Sixty bits of a digest: the sum of a billion of them has no place in a double, but in a numeric. */
const DIGITS = 15

/** As the database tells it. A peer that knows no vectors has put the bytes of a halfvec into a bytea. */
export async function contentsOf(databaseUrl: string, table: Table, { vectorsAre = 'halfvec' }: { vectorsAre?: 'halfvec' | 'bytea' } = {}): Promise<Contents> {
  const text = { ...TEXT_IN_SQL, halfvec: vectorsAre === 'halfvec' ? (column: string) => `md5(halfvec_send(${column}))` : (column: string) => `md5(${column})` }
  const line = compared(table).map(({ name, kind }) => `coalesce(${text[kind](`"${name}"`)}, '-')`).join(', ')
  const [found] = await onServer<{ rows: string; sum: string }>(databaseUrl, `
    select count(*) as rows, coalesce(sum(('x' || left(md5(concat_ws('|', ${line})), ${DIGITS}))::bit(60)::bigint), 0) as sum from "${table.name}"`)
  return { rows: Number(found!.rows), sum: BigInt(found!.sum) }
}

/** Of values number 0 to before `count`, worked out from the values themselves. */
export function expectedContents(table: Table, count: number, tags: TagNumbers): Contents {
  const columns = compared(table)
  let sum = 0n
  for (let n = 0; n < count; n++) {
    const line = columns.map(({ kind, of }) => textOf(kind, of(n, tags))).join('|')
    sum += BigInt(`0x${md5(line).slice(0, DIGITS)}`)
  }
  return { rows: count, sum }
}

/** Whether every table of the database holds just the rows of the first `count` values. */
export async function holdsRows(databaseUrl: string, { tables }: Subject, count: number, tags: TagNumbers): Promise<boolean> {
  for (const table of tables) {
    if (!isSame(await contentsOf(databaseUrl, table), expectedRows(table, count, tags))) return false
  }
  return true
}

/** The peers' tables are compared with the same. */
const expected = new WeakMap<TagNumbers, Map<string, Contents>>()

export function expectedRows(table: Table, count: number, tags: TagNumbers): Contents {
  const known = expected.get(tags) ?? new Map<string, Contents>()
  expected.set(tags, known)
  const key = `${table.name} ${count}`
  const contents = known.get(key) ?? expectedContents(table, count, tags)
  known.set(key, contents)
  return contents
}

export function isSame(a: Contents, b: Contents): boolean {
  return a.rows === b.rows && a.sum === b.sum
}

function compared({ columns }: Table): Column[] {
  return columns.filter(({ isPlace }) => !isPlace)
}

const plain = (column: string): string => `${column}::text`

const TEXT_IN_SQL: Readonly<Record<Exclude<Column['kind'], 'halfvec'>, (column: string) => string>> = {
  int: plain, long: plain, float: plain, double: plain, boolean: plain, text: plain, uuid: plain,
  time: (column) => `(extract(epoch from ${column}) * 1000)::bigint::text`,
  bytes: (column) => `encode(${column}, 'hex')`,
}

function textOf(kind: Column['kind'], value: Value): string {
  if (value === null) return '-'
  if (!Buffer.isBuffer(value)) return String(value)
  return kind === 'halfvec' ? md5(value) : value.toString('hex')
}

function md5(content: string | Buffer): string {
  return hash('md5', content)
}
