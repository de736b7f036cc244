/**
 * Writes the rows of a batch in the open transaction:
 *
 *   1. what may be stored already is looked up; unchanged rows are done, changed ones replace what is stored
 *   2. a batch large enough becomes a segment of its own: begin, COPY FREEZE, seal
 *   3. any other, and one of which a row was refused, is appended to the open segment, whole at first; what Postgres
 *      refuses is divided until the bad rows are alone
 *
 * A row of the open segment need not be looked for: its key makes the COPY fail, and then it is. Repeats come in runs
 * (a restarted stage, a replay), so after one, looking comes first until a batch had none.
 */
import type { Client } from 'pg'
import { ChunkPool, copyIn } from './copy-in.ts'
import { quote, type CopyTable } from './copy-table.ts'
import { queryOf, type Query } from './dictionary.ts'
import { isKeyConflict, isRowError, refusedRow } from './errors.ts'
import type { Group, Place, Refusal } from './row-groups.ts'
import { OPEN, rangeOf, segmentTable, type KeyRange, type Sealed, type Segments } from './segments.ts'
import { deleteReplaced, lookUp } from './stored-rows.ts'

export interface Inserted<Row> {
  refusals: Refusal<Row>[]
  /** The segment that the rows became, to be remembered when the transaction is committed. */
  sealed?: Sealed
  /** Rows that went to the open segment. */
  appended: number
}

export interface BatchInsertParts<Row, Ids> {
  tables: [CopyTable<Row, Ids>, ...CopyTable<Row, Ids>[]]
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

  /** @throws what is no row's fault */
  async insert(client: Client, groups: Group<Row>[], ids: Ids): Promise<Inserted<Row>> {
    const { due, sawOpen } = await this.#due(client, groups, ids)
    if (due.length === 0) return { refusals: [], appended: 0 }
    const sealed = this.#isSegment(due.length) ? await this.#trySegment(client, due, ids) : undefined
    if (sealed) return { refusals: [], sealed, appended: 0 }
    const refusals = sawOpen ? await this.#isolate(client, due, ids) : await this.#append(client, due, ids)
    return { refusals, appended: due.length - refusals.length }
  }

  #isSegment(rows: number): boolean {
    return this.#parts.segmentRows !== undefined && rows >= this.#parts.segmentRows
  }

  // 1. What is stored already

  /** The groups without those that are stored unchanged, as far as they were looked for. */
  async #due(client: Client, groups: Group<Row>[], ids: Ids): Promise<{ due: Group<Row>[]; sawOpen: boolean }> {
    const range = rangeOf(groups.map(({ key }) => key))
    let due = groups
    if (!range) return { due, sawOpen: false }
    for (const sealed of this.#parts.segments.among(range)) due = await this.#without(client, { segment: sealed.number }, due, ids, sealed)
    const seesOpen = this.#expectsRepeats || (this.#isSegment(groups.length) && await this.#openHolds(range, queryOf(client)))
    return { due: seesOpen ? await this.#lookInOpen(client, due, ids) : due, sawOpen: seesOpen }
  }

  async #lookInOpen(client: Client, groups: Group<Row>[], ids: Ids): Promise<Group<Row>[]> {
    const { length } = groups
    const due = await this.#without(client, this.#open, groups, ids)
    this.#expectsRepeats = due.length < length || due.some(({ replaces }) => replaces === this.#open)
    return due
  }

  async #without(client: Client, place: Place, groups: Group<Row>[], ids: Ids, range?: KeyRange): Promise<Group<Row>[]> {
    const isCandidate = ({ key, replaces }: Group<Row>): boolean => !replaces && (!range || (key >= range.first && key <= range.last))
    const looked = await lookUp(client, this.#parts.tables, place, groups.filter(isCandidate), ids)
    return [...groups.filter((group) => !isCandidate(group)), ...looked]
  }

  async #openHolds({ first, last }: KeyRange, query: Query): Promise<boolean> {
    const { name, key } = this.#parts.tables[0]
    const { rows } = await query<{ some: boolean }>(`select exists (select from ${quote(segmentTable(name, OPEN))} where ${quote(key)} between $1 and $2) as some`, [first, last])
    return rows[0]!.some
  }

  // 2. A segment

  /** Undefined when a row was refused; then nothing of it is there. */
  async #trySegment(client: Client, groups: Group<Row>[], ids: Ids): Promise<Sealed | undefined> {
    const { segments, tables } = this.#parts
    const rows = groups.map(({ row }) => row)
    const filled = tables.filter((table) => rows.some((row) => table.has(row)))
    const names = filled.map(({ name }) => name)
    let sealed: Sealed | undefined
    const error = await undoable(client, async () => {
      sealed = { number: await segments.begin(names, queryOf(client)), ...rangeOf(groups.map(({ key }) => key))! }
      await deleteReplaced(client, tables, groups)
      for (const table of filled) await this.#copy(client, { ...table, name: segmentTable(table.name, sealed.number) }, rows, ids, true)
      await segments.seal(sealed, names, groups.length, queryOf(client))
    })
    return error ? undefined : sealed
  }

  // 3. The open segment

  async #append(client: Client, groups: Group<Row>[], ids: Ids): Promise<Refusal<Row>[]> {
    const error = await this.#tryAppend(client, groups, ids)
    if (!error) return []
    if (groups.length === 1 && !this.#isRepeat(error)) return [{ group: groups[0]!, error }]
    const due = await this.#lookInOpen(client, groups, ids)
    return this.#expectsRepeats ? this.#isolate(client, due, ids) : this.#divide(client, due, ids, error)
  }

  /** Copies what can be copied; the rest comes back with the reason. */
  async #isolate(client: Client, groups: Group<Row>[], ids: Ids): Promise<Refusal<Row>[]> {
    if (groups.length === 0) return []
    const error = await this.#tryAppend(client, groups, ids)
    if (!error) return []
    if (groups.length > 1) return this.#divide(client, groups, ids, error)
    // Stored by another sink since we looked: not refused, but there.
    return this.#isRepeat(error) ? [] : [{ group: groups[0]!, error }]
  }

  /** At the row that the error names, which costs three copies more, or else in the middle: at most 2·log2(n). */
  async #divide(client: Client, groups: Group<Row>[], ids: Ids, error: Error): Promise<Refusal<Row>[]> {
    const at = refusedRow(error, this.#openName(this.#parts.tables[0])) ?? -1
    const middle = groups.length >> 1
    const parts = at in groups ? [groups.slice(0, at), groups.slice(at, at + 1), groups.slice(at + 1)] : [groups.slice(0, middle), groups.slice(middle)]
    const refusals: Refusal<Row>[] = []
    for (const part of parts) refusals.push(...await this.#isolate(client, part, ids))
    return refusals
  }

  /** Undefined when the rows were copied; the error when what they hold was refused, and then nothing of them is there. */
  #tryAppend(client: Client, groups: Group<Row>[], ids: Ids): Promise<Error | undefined> {
    const rows = groups.map(({ row }) => row)
    return undoable(client, async () => {
      await deleteReplaced(client, this.#parts.tables, groups)
      for (const table of this.#parts.tables) await this.#copy(client, { ...table, name: this.#openName(table) }, rows, ids, false)
    })
  }

  async #copy(client: Client, table: CopyTable<Row, Ids>, rows: Row[], ids: Ids, freeze: boolean): Promise<void> {
    const some = rows.filter((row) => table.has(row))
    if (some.length > 0) await copyIn(client, table, some, ids, this.#pool, { freeze })
  }

  #isRepeat(error: Error): boolean {
    return isKeyConflict(error, this.#openName(this.#parts.tables[0]))
  }

  #openName({ name }: { name: string }): string {
    return this.#open.segment === undefined ? name : segmentTable(name, OPEN)
  }
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
