/**
 * The sink's port on Postgres: rows, failures and progress in one transaction (I4), rows by binary COPY.
 *
 *   begin
 *   progress: lock, check epoch and offset, move        fences every other owner before anything is written
 *   rows                                                 see batch-insert.ts
 *   failures                                             those of the batch and the rows refused just now
 *   commit                                               reply lost: in doubt; the caller claims again, which tells
 *   freeze, when enough rows were appended               before a checkpoint writes their pages for the first time
 */
import type { Client } from 'pg'
import { systemClock, within } from '../clock.ts'
import { reasonOf, RetryLater } from '../errors.ts'
import type { Failpoint } from '../failpoints.ts'
import type { Log } from '../log.ts'
import type { Failure, PartitionId, Position, SinkBatch, SinkStore } from '../loop/ports.ts'
import { PostgresConnection, type Timeouts } from './connection.ts'
import { BatchInsert } from './batch-insert.ts'
import { lastOfEachKey, refusedPlaces } from './batch-rows.ts'
import { quote, type CopyTable } from './copy-table.ts'
import { queryOf, type Query } from './dictionary.ts'
import { isLockTimeout, verdictOnPostgres } from './errors.ts'
import { failuresAt, insertFailures } from './failure-table.ts'
import { ProgressTable } from './progress.ts'
import { Segments } from './segments.ts'

/** How rows of one kind, which are objects, lie in tables. */
export interface RowTables<Row, Ids> {
  /** The first has the primary key, a column `id`; one tuple for each row. */
  tables: [CopyTable<Row, Ids>, ...CopyTable<Row, Ids>[]]
  /**
   * The primary key, a uuid as text. Without it a row that comes again is a row more; what is stored of a partition is
   * not read again, as long as its progress stands.
   */
  keyOf?(row: Row): string
  /** Looks up, outside of the transaction, what the columns need to be written. */
  prepare(rows: readonly Row[], query: Query): Promise<Ids>
  /** From how many rows on a batch becomes a segment of its own; without it, or without a key, the tables have no segments. */
  segmentRows?: number
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
  /** Asked before the first claim whether the server will do. @throws Halt */
  admit?: (query: Query) => Promise<void>
  /** For fault tests. */
  at?: Failpoint | undefined
  log?: Log
}

const TIMEOUTS: Timeouts = { connectMs: 10_000, statementMs: 60_000, lockMs: 15_000, idleInTransactionMs: 10_000 }
const DEADLINE_MS = 120_000
const CLOSE_MS = 10_000

/** Some 800 pages. */
const FREEZE_ROWS = 5_000

export class PostgresSinkStore<Row, Ids> implements SinkStore<Row> {
  readonly #options: SinkStoreOptions<Row, Ids>
  readonly #connection: PostgresConnection
  readonly #progress: ProgressTable
  readonly #segments = new Segments()
  readonly #batches: BatchInsert<Row, Ids>
  /** Rows in the open segment that are not known to be frozen. */
  #unfrozen = 0
  #admitted = false
  /** One operation at a time: they share the connection. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: SinkStoreOptions<Row, Ids>) {
    this.#options = options
    const applicationName = `${options.sink}/${options.owner}`.slice(0, 63)
    this.#connection = new PostgresConnection({
      databaseUrl: options.databaseUrl, applicationName, timeouts: { ...TIMEOUTS, ...options.timeouts },
      ...(options.schema === undefined ? {} : { schema: options.schema }),
    })
    this.#progress = new ProgressTable(options.sink, applicationName)
    const { tables, keyOf, segmentRows } = options.rows
    this.#batches = new BatchInsert({ tables, keyOf, segmentRows: keyOf && segmentRows, segments: this.#segments })
  }

  claim(partitions: PartitionId[]): Promise<Position[]> {
    if (partitions.length === 0) return Promise.resolve([])
    return this.#inTurn(async (client) => {
      const query = queryOf(client)
      await this.#admit(query)
      try {
        return await this.#claimNow(partitions, query)
      } catch (error) {
        if (!isLockTimeout(error)) throw error
        await this.#progress.endOwners(partitions, query)
        return this.#claimNow(partitions, query)
      }
    })
  }

  async #admit(query: Query): Promise<void> {
    if (this.#admitted) return
    await this.#options.admit?.(query)
    this.#admitted = true
  }

  async #claimNow(partitions: PartitionId[], query: Query): Promise<Position[]> {
    const positions = await this.#progress.claim(partitions, query)
    if (this.#options.rows.segmentRows !== undefined) await this.#segments.load(query)
    return positions
  }

  commit(batch: SinkBatch<Row>): Promise<{ refused: { index: number; failure: Failure }[] }> {
    const { at, rows: { keyOf, prepare } } = this.#options
    return this.#inTurn(async (client) => {
      const rows = keyOf ? lastOfEachKey(batch.rows, keyOf) : batch.rows
      const ids = await prepare(rows, queryOf(client))
      await at?.('before-sql')
      await client.query('begin')
      await this.#progress.advance(batch.progress, queryOf(client))
      await at?.('after-progress')
      const { refusals, sealed, appended } = await this.#batches.insert(client, rows, ids)
      const refused = refusedPlaces(batch.rows, refusals, keyOf).map(({ index, error }) => ({ index, failure: this.#failureOf(batch, index, error) }))
      await insertFailures([...batch.failures, ...refused.map(({ failure }) => failure)], queryOf(client))
      await at?.('after-rows')
      await at?.('before-sql-commit')
      const committed = client.query('commit')
      // A failpoint may hold this up; what came of the commit is seen below.
      committed.catch(() => {})
      await at?.('sql-commit-sent')
      await committed
      await at?.('after-sql-commit')
      if (sealed) this.#segments.sealed(sealed)
      this.#freezeBehind(appended)
      return { refused }
    })
  }

  failuresAt(positions: Position[]): Promise<Failure[]> {
    return this.#inTurn((client) => failuresAt(this.#options.sink, positions, queryOf(client)))
  }

  /** What is under way has a moment to end; then its connection is cut. */
  async close(): Promise<void> {
    await within(systemClock, CLOSE_MS, this.#turn, () => {})
    await this.#connection.close()
  }

  /**
   * Freezes appended rows while their pages are in memory and to be written anyway. Left to autovacuum, every page is
   * written and logged a second time, whole. Not a part of the commit: should it fail, autovacuum is left.
   */
  #freezeBehind(appended: number): void {
    this.#unfrozen += appended
    if (this.#unfrozen < FREEZE_ROWS) return
    this.#unfrozen = 0
    void this.#inTurn((client) => freeze(client, this.#batches.openTables)).catch((error: unknown) => {
      this.#options.log?.warn({ reason: reasonOf(error) }, 'new rows were not frozen; autovacuum will, with more writes')
    })
  }

  #failureOf({ rows, originOf }: SinkBatch<Row>, index: number, error: Error): Failure {
    const { sink, rows: { keyOf } } = this.#options
    const { topic, partition, offset, eventTimeMs, traceId } = originOf(index)
    const reason = `Postgres refused the row: ${reasonOf(error)}`
    return { stage: sink, code: `${sink}.refused-row`, reason, key: keyOf?.(rows[index]!) ?? null, topic, partition, offset, attempts: 1, eventTimeMs, traceId, value: null }
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

/** Skips a table that another sink is freezing. */
async function freeze(client: Client, tables: string[]): Promise<void> {
  await client.query(`vacuum (freeze, truncate off, skip_locked) ${tables.map(quote).join(', ')}`)
}
