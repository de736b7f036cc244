/**
 * The sink's store, statement by statement as `PostgresSinkStore` makes them, with the guards of the real
 * `ProgressTable`: one operation at a time on one connection, which is thrown away after any error.
 */
import { Halt, RetryLater, reasonOf, verdictOf } from '#runtime/errors.ts'
import type { Failpoint } from '#runtime/failpoints.ts'
import { partitionKey } from '#runtime/loop/partition-key.ts'
import type { Failure, PartitionId, Position, SinkBatch, SinkStore } from '#runtime/loop/ports.ts'
import { SinkFenced } from '#runtime/loop/sink-fenced.ts'
import type { Query } from '#runtime/postgres/dictionary.ts'
import { ProgressTable } from '#runtime/postgres/progress.ts'
import type { Coverage } from '../coverage.ts'
import type { Database } from '../database.ts'
import { DatabaseError, type Session } from '../database-session.ts'
import { ConnectionLost, type Network } from '../network.ts'
import type { Random } from '../random.ts'
import type { SimulatedProcess } from '../simulated-process.ts'
import type { KeptRow } from '../workload/topology.ts'

export interface SimulatedSinkStoreParts {
  process: SimulatedProcess
  network: Network
  database: Database
  random: Random
  coverage: Coverage
  sink: string
  isRefused(row: KeptRow): boolean
  at: Failpoint
}

const STATEMENT_TIMEOUT_MS = 60_000

export class SimulatedSinkStore implements SinkStore<KeptRow> {
  readonly #parts: SimulatedSinkStoreParts
  readonly #progress: ProgressTable
  #session: Session | undefined
  /** When the last statement that was sent arrives: the end of the connection cannot overtake it. */
  #lastArrivalMs = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: SimulatedSinkStoreParts) {
    this.#parts = parts
    this.#progress = new ProgressTable(parts.sink, `${parts.sink}/${parts.process.name}`)
  }

  claim(partitions: PartitionId[]): Promise<Position[]> {
    if (partitions.length === 0) return Promise.resolve([])
    return this.#inTurn(async (query) => {
      try {
        return await this.#progress.claim(partitions, query)
      } catch (error) {
        if (!(error instanceof DatabaseError && error.code === '55P03')) throw error
        await this.#progress.endOwners(partitions, query)
        return this.#progress.claim(partitions, query)
      }
    })
  }

  commit(batch: SinkBatch<KeptRow>): Promise<{ refused: { index: number; failure: Failure }[] }> {
    const { at } = this.#parts
    return this.#inTurn(async (query, session) => {
      await at('before-sql')
      await query('begin')
      await this.#progress.advance(batch.progress, query)
      await at('after-progress')
      await this.#ask('sql.copy', () => session.beginCopy())
      const indices = await this.#ask('sql.copy', () => session.copyRows(batch.rows, this.#parts.isRefused))
      const refused = indices.map((index) => ({ index, failure: this.#failureOf(batch.rows[index]!) }))
      await this.#ask('sql.failures', () => session.insertFailures([...batch.failures, ...refused.map(({ failure }) => failure)]))
      await at('after-rows')
      await at('before-sql-commit')
      const committed = query('commit')
      // A failpoint may hold this up; what came of the commit is seen below.
      committed.catch(() => {})
      await at('sql-commit-sent')
      await committed
      await at('after-sql-commit')
      return { refused }
    })
  }

  failuresAt(positions: Position[]): Promise<Failure[]> {
    const { database, sink } = this.#parts
    return this.#inTurn(() => this.#ask('sql.select', () => [...database.failures.values()].filter((failure) =>
      failure.stage === sink && positions.some((position) => partitionKey(position) === partitionKey(failure) && position.offset === failure.offset))))
  }

  /** The process died: its sockets close, sooner or later. */
  abandon(): void {
    this.#drop(this.#parts.random.chance(0.2) ? this.#parts.random.between(1_000, 12_000) : this.#parts.random.between(0, 50))
  }

  #failureOf({ id, topic, partition, offset, eventTimeMs }: KeptRow): Failure {
    const { sink } = this.#parts
    return { stage: sink, code: `${sink}.refused-row`, reason: 'Postgres refused the row', key: id, topic, partition, offset, attempts: 1, eventTimeMs, traceId: null, value: null }
  }

  #inTurn<T>(work: (query: Query, session: Session) => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => this.#guarded(work))
    this.#turn = result.catch(() => {})
    return result
  }

  async #guarded<T>(work: (query: Query, session: Session) => Promise<T>): Promise<T> {
    const owner = `${this.#parts.sink}/${this.#parts.process.name}`
    try {
      const session = (this.#session ??= await this.#ask('sql.connect', () => this.#parts.database.connect(owner)))
      const query = ((text: string, values: unknown[] = []) => this.#ask(text === 'commit' ? 'sql.commit' : 'sql', () => session.query(text, values))) as Query
      return await work(query, session)
    } catch (error) {
      // At once, or with a half-open connection only when the server finds out by itself.
      if (!this.#parts.random.chance(0.1)) this.#drop(this.#parts.random.between(0, 20))
      this.#session = undefined
      const verdict = verdictOn(error)
      if (verdict instanceof SinkFenced) this.#parts.coverage.count('sink.fenced')
      throw verdict
    }
  }

  #drop(afterMs: number): void {
    const session = this.#session
    if (!session) return
    const { clock } = this.#parts.database
    clock.after(Math.max(this.#lastArrivalMs - clock.now(), 0) + afterMs + 1, () => session.end('the client went away'))
  }

  #ask<T>(name: string, arrive: () => T | Promise<T>): Promise<T> {
    const { network, process, database } = this.#parts
    return network.request(process, {
      name, server: database, timeoutMs: STATEMENT_TIMEOUT_MS, arrive, arrivesAt: (atMs) => (this.#lastArrivalMs = Math.max(this.#lastArrivalMs, atMs)),
    })
  }
}

/** As `runtime/postgres/errors.ts` does for the errors that are simulated. */
function verdictOn(error: unknown): Error {
  const verdict = verdictOf(error)
  if (verdict) return verdict
  const isWorlds = error instanceof ConnectionLost || (error instanceof DatabaseError && ['57P01', '55P03'].includes(error.code))
  if (isWorlds) return new RetryLater('postgres.away', reasonOf(error), { cause: error })
  if (error instanceof Error && error.message.startsWith('failpoint')) return new RetryLater('postgres.away', reasonOf(error), { cause: error })
  return new Halt('postgres.unexpected', reasonOf(error), 'This is a defect of the sink: report it with the log.', { cause: error })
}
