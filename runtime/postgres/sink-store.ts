/**
 * The sink's port on Postgres: rows, failures and progress in one transaction (I4), rows by binary COPY.
 *
 *   begin
 *   progress: lock, check epoch and offset, move        fences every other owner before anything is written
 *   savepoint, copy into each table                      the whole batch at once
 *     refused?  rollback to savepoint, leave out what is there already, halve until the bad rows are alone
 *   failures                                             those of the batch and the rows refused just now
 *   commit                                               reply lost: in doubt; the caller claims again, which tells
 */
import type { Client } from 'pg'
import { reasonOf, RetryLater } from '../errors.ts'
import type { Failpoint } from '../failpoints.ts'
import type { RowOrigin } from '../define/sink.ts'
import type { Failure, PartitionId, Position, SinkBatch, SinkStore } from '../loop/ports.ts'
import { PostgresConnection, type Timeouts } from './connection.ts'
import { ChunkPool, copyIn } from './copy-in.ts'
import { quote, type CopyTable } from './copy-table.ts'
import type { Query } from './dictionary.ts'
import { isKeyConflict, isLockTimeout, isRowError, verdictOnPostgres } from './errors.ts'
import { failuresAt, insertFailures } from './failure-table.ts'
import { ProgressTable } from './progress.ts'

/** How rows of one kind lie in tables. */
export interface RowTables<Row, Ids> {
  /** The first has the primary key, a column `id`; one tuple for each row. */
  tables: [CopyTable<Row, Ids>, ...CopyTable<Row, Ids>[]]
  /** The primary key, a uuid as text. */
  keyOf(row: Row): string
  originOf(row: Row): RowOrigin
  /** Looks up, outside of the transaction, what the columns need to be written. */
  prepare(rows: readonly Row[], query: Query): Promise<Ids>
}

export interface SinkStoreOptions<Row, Ids> {
  sink: string
  databaseUrl: string
  rows: RowTables<Row, Ids>
  /** Distinguishes processes in pg_stat_activity and `sink_progress.owner`. */
  owner: string
  /** Looked in before `public`. */
  schema?: string
  timeouts?: Partial<Timeouts>
  /** Longest commit or claim as seen from here; a half-open connection answers nothing at all. */
  deadlineMs?: number
  /** For fault tests. */
  at?: Failpoint | undefined
}

const TIMEOUTS: Timeouts = { connectMs: 10_000, statementMs: 60_000, lockMs: 15_000, idleInTransactionMs: 10_000 }
const DEADLINE_MS = 120_000

export class PostgresSinkStore<Row, Ids> implements SinkStore<Row> {
  readonly #options: SinkStoreOptions<Row, Ids>
  readonly #connection: PostgresConnection
  readonly #progress: ProgressTable
  readonly #pool = new ChunkPool()
  /** One operation at a time: they share the connection. */
  #turn: Promise<unknown> = Promise.resolve()
  /** Repeats come in runs (a restarted stage, a replay): after one, look before copying until a batch had none. */
  #expectsRepeats = false

  constructor(options: SinkStoreOptions<Row, Ids>) {
    this.#options = options
    const applicationName = `${options.sink}/${options.owner}`.slice(0, 63)
    this.#connection = new PostgresConnection({
      databaseUrl: options.databaseUrl, applicationName, timeouts: { ...TIMEOUTS, ...options.timeouts },
      ...(options.schema === undefined ? {} : { schema: options.schema }),
    })
    this.#progress = new ProgressTable(options.sink, applicationName)
  }

  claim(partitions: PartitionId[]): Promise<Position[]> {
    if (partitions.length === 0) return Promise.resolve([])
    return this.#inTurn(async (client) => {
      const query = queryOf(client)
      try {
        return await this.#progress.claim(partitions, query)
      } catch (error) {
        if (!isLockTimeout(error)) throw error
        await this.#progress.endOwners(partitions, query)
        return this.#progress.claim(partitions, query)
      }
    })
  }

  commit(batch: SinkBatch<Row>): Promise<{ refused: { index: number; failure: Failure }[] }> {
    const { at } = this.#options
    return this.#inTurn(async (client) => {
      const groups = groupByKey(batch.rows, this.#options.rows.keyOf)
      const ids = await this.#options.rows.prepare(batch.rows, queryOf(client))
      await at?.('before-sql')
      await client.query('begin')
      await this.#progress.advance(batch.progress, queryOf(client))
      await at?.('after-progress')
      const refusals = await this.#insert(client, groups, ids)
      const refused = refusals.flatMap(({ group, error }) => group.indices.map((index) => ({ index, failure: this.#failureOf(batch.rows[index]!, error) })))
      await insertFailures([...batch.failures, ...refused.map(({ failure }) => failure)], queryOf(client))
      await at?.('after-rows')
      await at?.('before-sql-commit')
      const committed = client.query('commit')
      // A failpoint may hold this up; what came of the commit is seen below.
      committed.catch(() => {})
      await at?.('sql-commit-sent')
      await committed
      await at?.('after-sql-commit')
      return { refused }
    })
  }

  failuresAt(positions: Position[]): Promise<Failure[]> {
    return this.#inTurn((client) => failuresAt(this.#options.sink, positions, queryOf(client)))
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  async #insert(client: Client, groups: Group<Row>[], ids: Ids): Promise<Refusal<Row>[]> {
    if (groups.length === 0) return []
    if (!this.#expectsRepeats) {
      const error = await this.#tryCopy(client, groups, ids)
      if (!error) return []
      if (groups.length === 1 && !isKeyConflict(error, this.#keyTable)) return [{ group: groups[0]!, error }]
    }
    const fresh = await this.#withoutStored(client, groups)
    const allNew = fresh.length === groups.length
    const tried = allNew && !this.#expectsRepeats
    this.#expectsRepeats = !allNew
    return tried ? this.#halve(client, fresh, ids) : this.#isolate(client, fresh, ids)
  }

  /** Copies what can be copied; the rest comes back with the reason. At most 2·log2(n) more copies for one bad row. */
  async #isolate(client: Client, groups: Group<Row>[], ids: Ids): Promise<Refusal<Row>[]> {
    if (groups.length === 0) return []
    const error = await this.#tryCopy(client, groups, ids)
    if (!error) return []
    if (groups.length > 1) return this.#halve(client, groups, ids)
    // Stored by another sink since we looked: not refused, but there.
    return isKeyConflict(error, this.#keyTable) ? [] : [{ group: groups[0]!, error }]
  }

  async #halve(client: Client, groups: Group<Row>[], ids: Ids): Promise<Refusal<Row>[]> {
    const middle = groups.length >> 1
    const left = await this.#isolate(client, groups.slice(0, middle), ids)
    return [...left, ...(await this.#isolate(client, groups.slice(middle), ids))]
  }

  /** Undefined when the rows were copied; the error when what they hold was refused, and then nothing of them is there. */
  async #tryCopy(client: Client, groups: Group<Row>[], ids: Ids): Promise<Error | undefined> {
    const rows = groups.map(({ row }) => row)
    await client.query('savepoint batch')
    try {
      for (const table of this.#options.rows.tables) await this.#copyInto(client, table, rows, ids)
      await client.query('release savepoint batch')
      return undefined
    } catch (error) {
      if (!isRowError(error)) throw error
      await client.query('rollback to savepoint batch; release savepoint batch')
      return error
    }
  }

  async #copyInto(client: Client, table: CopyTable<Row, Ids>, rows: Row[], ids: Ids): Promise<void> {
    const some = rows.filter((row) => table.has(row))
    if (some.length > 0) await copyIn(client, table, some, ids, this.#pool)
  }

  async #withoutStored(client: Client, groups: Group<Row>[]): Promise<Group<Row>[]> {
    const { rows } = await client.query<{ id: string }>(`select id from ${quote(this.#keyTable)} where id = any($1::uuid[])`, [groups.map(({ key }) => key)])
    const stored = new Set(rows.map(({ id }) => id))
    return groups.filter(({ key }) => !stored.has(key))
  }

  get #keyTable(): string {
    return this.#options.rows.tables[0].name
  }

  #failureOf(row: Row, error: Error): Failure {
    const { sink, rows } = this.#options
    const { topic, partition, offset, eventTimeMs, traceId } = rows.originOf(row)
    const reason = `Postgres refused the row: ${reasonOf(error)}`
    return { stage: sink, code: `${sink}.refused-row`, reason, key: rows.keyOf(row), topic, partition, offset, attempts: 1, eventTimeMs, traceId, value: null }
  }

  /** Runs alone on the connection, with a deadline; after any error the connection is thrown away. */
  #inTurn<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => this.#guarded(work))
    this.#turn = result.catch(() => {})
    return result
  }

  async #guarded<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const deadline = AbortSignal.timeout(this.#options.deadlineMs ?? DEADLINE_MS)
    const cut = (): void => void this.#connection.drop()
    deadline.addEventListener('abort', cut)
    try {
      return await work(await this.#connection.client())
    } catch (error) {
      // Also rolls back: the server ends the transaction with the connection. So no reply that is late, and no
      // statement that is still under way, can meet the next operation.
      await this.#connection.drop()
      if (deadline.aborted) throw new RetryLater('postgres.away', 'Postgres did not answer in time.', { cause: error })
      throw verdictOnPostgres(error)
    } finally {
      deadline.removeEventListener('abort', cut)
    }
  }
}

/** Rows with one key: the first is stored, all share its fate. */
interface Group<Row> { key: string; row: Row; indices: number[] }

interface Refusal<Row> { group: Group<Row>; error: Error }

function groupByKey<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Group<Row>[] {
  const groups = new Map<string, Group<Row>>()
  rows.forEach((row, index) => {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group) group.indices.push(index)
    else groups.set(key, { key, row, indices: [index] })
  })
  return [...groups.values()]
}

function queryOf(client: Client): Query {
  return (text, values = []) => client.query(text, values)
}
