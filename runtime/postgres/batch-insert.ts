/**
 * Writes the rows of a batch in the open transaction:
 *
 *   1. what may be stored already is looked up; unchanged rows are done, changed ones replace what is stored
 *   2. a batch large enough becomes a segment of its own: begin, COPY FREEZE, seal
 *   3. any other, and one of which a row was refused, is appended to the open segment, whole at first; what Postgres
 *      refuses is divided until the bad rows are alone
 *
 * A row of the open segment need not be looked for: its key makes the COPY fail, and then it is. Repeats come in runs
 * (a restarted stage, a replay), so after one, looking comes first until a batch had none. Rows without a key are just
 * appended.
 */
import type { Client } from 'pg'
import type { Place, Refusal } from './batch-rows.ts'
import { ChunkPool, copyIn } from './copy-in.ts'
import { quote, type CopyTable } from './copy-table.ts'
import { queryOf, type Query } from './dictionary.ts'
import { isKeyConflict, isRowError, refusedRow } from './errors.ts'
import { OPEN, rangeOf, segmentTable, type KeyRange, type Sealed, type Segments } from './segments.ts'
import { deleteReplaced, lookUp, type Batch } from './stored-rows.ts'

export interface Inserted<Row> {
  refusals: Refusal<Row>[]
  /** The segment that the rows became, to be remembered when the transaction is committed. */
  sealed?: Sealed
  /** Rows that went to the open segment. */
  appended: number
}

export interface BatchInsertParts<Row, Ids> {
  tables: [CopyTable<Row, Ids>, ...CopyTable<Row, Ids>[]]
  /** Undefined when rows have no key: then nothing is looked up, and what comes again is a row more. */
  keyOf: ((row: Row) => string) | undefined
  /** From how many rows on a batch is a segment; undefined when the tables have none. */
  segmentRows: number | undefined
  segments: Segments
}

export class BatchInsert<Row, Ids> {
  readonly #parts: BatchInsertParts<Row, Ids>
  readonly #open: Place
  readonly #pool = new ChunkPool()
  #expectsRepeats = false

  constructor(parts: BatchInsertParts<Row, Ids>) {
    this.#parts = parts
    this.#open = { segment: parts.segmentRows === undefined ? undefined : OPEN }
  }

  /** The tables that small batches are appended to. */
  get openTables(): string[] {
    return this.#parts.tables.map((table) => this.#openName(table))
  }

  /** Of rows with different keys, if any. @throws what is no row's fault */
  async insert(client: Client, rows: readonly Row[], ids: Ids): Promise<Inserted<Row>> {
    const batch: Batch<Row, Ids> = { client, tables: this.#parts.tables, ids, replaced: new Map() }
    const { due, sawOpen } = await this.#due(batch, rows)
    if (due.length === 0) return { refusals: [], appended: 0 }
    const sealed = this.#isSegment(due.length) ? await this.#trySegment(batch, due) : undefined
    if (sealed) return { refusals: [], sealed, appended: 0 }
    const { keyOf } = this.#parts
    const refusals = keyOf && !sawOpen ? await this.#append(batch, keyOf, due) : await this.#isolate(batch, due)
    return { refusals, appended: due.length - refusals.length }
  }

  #isSegment(rows: number): boolean {
    return this.#parts.segmentRows !== undefined && rows >= this.#parts.segmentRows
  }

  // 1. What is stored already

  /** The rows without those that are stored unchanged, as far as they were looked for. */
  async #due(batch: Batch<Row, Ids>, rows: readonly Row[]): Promise<{ due: readonly Row[]; sawOpen: boolean }> {
    const { keyOf, segments } = this.#parts
    const range = keyOf && rangeOf(rows, keyOf)
    if (!range) return { due: rows, sawOpen: false }
    let due = rows
    for (const sealed of segments.among(range)) due = await this.#without(batch, keyOf, { segment: sealed.number }, due, sealed)
    const seesOpen = this.#expectsRepeats || (this.#isSegment(rows.length) && await this.#openHolds(range, queryOf(batch.client)))
    return { due: seesOpen ? await this.#lookInOpen(batch, keyOf, due) : due, sawOpen: seesOpen }
  }

  async #lookInOpen(batch: Batch<Row, Ids>, keyOf: (row: Row) => string, rows: readonly Row[]): Promise<readonly Row[]> {
    const due = await this.#without(batch, keyOf, this.#open, rows)
    this.#expectsRepeats = due.length < rows.length || due.some((row) => batch.replaced.get(row)?.segment === this.#open.segment)
    return due
  }

  async #without(batch: Batch<Row, Ids>, keyOf: (row: Row) => string, place: Place, rows: readonly Row[], range?: KeyRange): Promise<readonly Row[]> {
    const isWithin = (key: string): boolean => !range || (key >= range.first && key <= range.last)
    const isCandidate = (row: Row): boolean => !batch.replaced.has(row) && isWithin(keyOf(row))
    const others = rows.filter((row) => !isCandidate(row))
    return [...others, ...await lookUp(batch, keyOf, place, rows.filter(isCandidate))]
  }

  async #openHolds({ first, last }: KeyRange, query: Query): Promise<boolean> {
    const { name, key } = this.#parts.tables[0]
    const { rows } = await query<{ some: boolean }>(`select exists (select from ${quote(segmentTable(name, OPEN))} where ${quote(key)} between $1 and $2) as some`, [first, last])
    return rows[0]!.some
  }

  // 2. A segment

  /** Undefined when a row was refused; then nothing of it is there. */
  async #trySegment(batch: Batch<Row, Ids>, rows: readonly Row[]): Promise<Sealed | undefined> {
    const { segments, tables, keyOf } = this.#parts
    const query = queryOf(batch.client)
    const parts = tables.map((table) => ({ table, some: rowsIn(table, rows) })).filter(({ some }) => some.length > 0)
    const names = parts.map(({ table }) => table.name)
    let sealed: Sealed | undefined
    const error = await undoable(batch.client, async () => {
      sealed = { number: await segments.begin(names, query), ...rangeOf(rows, keyOf!)! }
      await deleteReplaced(batch, rows)
      for (const { table, some } of parts) await this.#copy(batch, { ...table, name: segmentTable(table.name, sealed.number) }, some, true)
      await segments.seal(sealed, names, rows.length, query)
    })
    return error ? undefined : sealed
  }

  // 3. The open segment

  async #append(batch: Batch<Row, Ids>, keyOf: (row: Row) => string, rows: readonly Row[]): Promise<Refusal<Row>[]> {
    const error = await this.#tryAppend(batch, rows)
    if (!error) return []
    if (rows.length === 1 && !this.#isRepeat(error)) return [{ row: rows[0]!, error }]
    const due = await this.#lookInOpen(batch, keyOf, rows)
    return this.#expectsRepeats ? this.#isolate(batch, due) : this.#divide(batch, due, error)
  }

  /** Copies what can be copied; the rest comes back with the reason. */
  async #isolate(batch: Batch<Row, Ids>, rows: readonly Row[]): Promise<Refusal<Row>[]> {
    if (rows.length === 0) return []
    const error = await this.#tryAppend(batch, rows)
    if (!error) return []
    if (rows.length > 1) return this.#divide(batch, rows, error)
    // Stored by another sink since we looked: not refused, but there.
    return this.#isRepeat(error) ? [] : [{ row: rows[0]!, error }]
  }

  /** At the row that the error names, which costs three copies more, or else in the middle: at most 2·log2(n). */
  async #divide(batch: Batch<Row, Ids>, rows: readonly Row[], error: Error): Promise<Refusal<Row>[]> {
    const at = refusedRow(error, this.#openName(this.#parts.tables[0])) ?? -1
    const middle = rows.length >> 1
    const parts = at in rows ? [rows.slice(0, at), rows.slice(at, at + 1), rows.slice(at + 1)] : [rows.slice(0, middle), rows.slice(middle)]
    const refusals: Refusal<Row>[] = []
    for (const part of parts) refusals.push(...await this.#isolate(batch, part))
    return refusals
  }

  /** Undefined when the rows were copied; the error when what they hold was refused, and then nothing of them is there. */
  #tryAppend(batch: Batch<Row, Ids>, rows: readonly Row[]): Promise<Error | undefined> {
    return undoable(batch.client, async () => {
      await deleteReplaced(batch, rows)
      for (const table of this.#parts.tables) await this.#copy(batch, { ...table, name: this.#openName(table) }, rowsIn(table, rows), false)
    })
  }

  async #copy({ client, ids }: Batch<Row, Ids>, table: CopyTable<Row, Ids>, rows: readonly Row[], freeze: boolean): Promise<void> {
    if (rows.length > 0) await copyIn(client, table, rows, ids, this.#pool, { freeze })
  }

  #isRepeat(error: Error): boolean {
    return this.#parts.keyOf !== undefined && isKeyConflict(error, this.#openName(this.#parts.tables[0]))
  }

  #openName({ name }: { name: string }): string {
    return this.#open.segment === undefined ? name : segmentTable(name, OPEN)
  }
}

/** Those that have tuples in the table. */
function rowsIn<Row, Ids>({ has }: CopyTable<Row, Ids>, rows: readonly Row[]): readonly Row[] {
  return has ? rows.filter(has) : rows
}

/** Runs work under a savepoint; a row's error undoes it and is returned. @throws any other error */
async function undoable(client: Client, work: () => Promise<void>): Promise<Error | undefined> {
  await client.query('savepoint batch')
  try {
    await work()
    await client.query('release savepoint batch')
    return undefined
  } catch (error) {
    if (!isRowError(error)) throw error
    await client.query('rollback to savepoint batch; release savepoint batch')
    return error
  }
}
