/**
 * What of a batch is stored already, and whether it differs. Stored rows are read back in the form in which they were
 * written (COPY TO in binary format) and compared byte by byte, so an unchanged row costs no write at all.
 */
import type { Client } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { quote, type CopyTable } from './copy-table.ts'
import { tuplesByKey } from './copy-tuples.ts'
import type { Group, Place } from './row-groups.ts'
import { TupleBytes } from './tuple-bytes.ts'

/** Keys of one look: some 7 MB of rows. */
const LOOK_KEYS = 5_000

/** What is to be written, of groups looked up in one place: rows not stored there, and rows that differ, which say what they replace. */
export async function lookUp<Row, Ids>(client: Client, tables: readonly CopyTable<Row, Ids>[], place: Place, groups: Group<Row>[], ids: Ids): Promise<Group<Row>[]> {
  const due: Group<Row>[] = []
  for (let at = 0; at < groups.length; at += LOOK_KEYS) {
    const some = groups.slice(at, at + LOOK_KEYS)
    const stored = await storedKeys(client, tables[0]!, place, some)
    const found = some.filter(({ key }) => stored.has(key))
    const changed = await changedAmong(client, tables, place, found, ids)
    for (const group of some) {
      if (changed.has(group)) due.push({ ...group, replaces: place })
      else if (!stored.has(group.key)) due.push(group)
    }
  }
  return due
}

/** Deletes what these groups replace, from every table. */
export async function deleteReplaced<Row, Ids>(client: Client, tables: readonly CopyTable<Row, Ids>[], groups: readonly Group<Row>[]): Promise<void> {
  const replacing = Map.groupBy(groups.filter(({ replaces }) => replaces), ({ replaces }) => conditionOn(replaces!))
  for (const [condition, some] of replacing) {
    for (const table of tables) {
      await client.query(`delete from ${quote(table.name)} where ${condition} and ${quote(table.key)} = any($1::uuid[])`, [some.map(({ key }) => key)])
    }
  }
}

async function storedKeys<Row, Ids>(client: Client, table: CopyTable<Row, Ids>, place: Place, groups: Group<Row>[]): Promise<Set<string>> {
  const text = `select ${quote(table.key)} as key from ${quote(table.name)} where ${conditionOn(place)} and ${quote(table.key)} = any($1::uuid[])`
  const { rows } = await client.query<{ key: string }>(text, [groups.map(({ key }) => key)])
  return new Set(rows.map(({ key }) => key))
}

async function changedAmong<Row, Ids>(client: Client, tables: readonly CopyTable<Row, Ids>[], place: Place, groups: Group<Row>[], ids: Ids): Promise<Set<Group<Row>>> {
  const changed = new Set<Group<Row>>()
  const wanted = new TupleBytes()
  for (const table of groups.length === 0 ? [] : tables) {
    const stored = tuplesByKey(await readBack(client, table, place, groups), table.content.indexOf(table.key))
    for (const group of groups) if (!isContent(stored.get(group.key) ?? NOTHING, table, group.row, ids, wanted)) changed.add(group)
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
  return stored.equals(wanted.take())
}

/** The keys are uuids by their form, which `Group` cannot say: they are checked before they become SQL. */
async function readBack<Row, Ids>(client: Client, table: CopyTable<Row, Ids>, place: Place, groups: Group<Row>[]): Promise<Buffer> {
  const keys = groups.map(({ key }) => key).sort()
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
