/**
 * Postgres as the sink knows it: sessions with transactions and row locks, the table `sink_progress`, rows with a primary
 * key, failures, and the server's own timeouts. It understands the statements of `runtime/postgres/progress.ts`, so that
 * the guards in that file are those that run; SQL itself is not run here.
 */
import { partitionKey } from '#runtime/loop/partition-key.ts'
import type { Failure, PartitionId } from '#runtime/loop/ports.ts'
import type { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import type { Coverage } from './coverage.ts'
import type { Server } from './network.ts'
import type { Trace } from './trace.ts'
import type { KeptRow } from './workload/topology.ts'

export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  /** SQLSTATE. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export interface ProgressRow extends PartitionId { next_offset: string; owner_epoch: string; owner: string; session: Session }

export interface Change { partition: PartitionId; from: number; to: number }

/** What is told of each transaction that takes effect. */
export interface DatabaseWitness {
  claimed(owner: string, partitions: PartitionId[]): void
  committed(owner: string, changes: Change[], rows: KeptRow[], failures: Failure[]): void
}

const LOCK_TIMEOUT_MS = 15_000
const IDLE_TIMEOUT_MS = 10_000

interface Lock { holder: Session; waiting: { session: Session; grant(): void }[] }

export class Database implements Server {
  readonly name = 'database'
  isDown = false
  readonly progress = new Map<string, ProgressRow>()
  readonly rows = new Map<string, KeptRow>()
  readonly failures = new Map<string, Failure>()
  readonly sessions = new Set<Session>()
  readonly locks = new Map<string, Lock>()
  readonly clock: VirtualClock
  readonly trace: Trace
  readonly coverage: Coverage
  readonly witness: DatabaseWitness

  constructor(parts: { clock: VirtualClock; trace: Trace; coverage: Coverage; witness: DatabaseWitness }) {
    this.clock = parts.clock
    this.trace = parts.trace
    this.coverage = parts.coverage
    this.witness = parts.witness
  }

  connect(owner: string): Session {
    const session = new Session(this, owner)
    this.sessions.add(session)
    return session
  }

  /** All sessions end; what was not committed is gone. */
  stop(): void {
    this.isDown = true
    for (const session of [...this.sessions]) session.end('the server stopped')
  }

  async lock(key: string, session: Session): Promise<void> {
    const lock = this.locks.get(key)
    if (!lock) this.locks.set(key, { holder: session, waiting: [] })
    else if (lock.holder !== session) await this.#wait(lock, session)
  }

  release(session: Session): void {
    for (const [key, lock] of this.locks) {
      lock.waiting = lock.waiting.filter((waiter) => waiter.session !== session)
      if (lock.holder !== session) continue
      const next = lock.waiting.shift()
      if (!next) this.locks.delete(key)
      else {
        lock.holder = next.session
        next.grant()
      }
    }
  }

  #wait(lock: Lock, session: Session): Promise<void> {
    this.coverage.count('database.lock-wait')
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(LOCK_TIMEOUT_MS, () => {
        lock.waiting = lock.waiting.filter((waiter) => waiter.session !== session)
        this.coverage.count('database.lock-timeout')
        reject(new DatabaseError('55P03', 'canceling statement due to lock timeout'))
      })
      lock.waiting.push({ session, grant: () => [cancel(), resolve()] })
    })
  }
}

/** One connection at the server's end. */
export class Session {
  readonly owner: string
  readonly #database: Database
  #ended: string | undefined
  #inTransaction = false
  #changes: Change[] = []
  #rows: KeptRow[] = []
  #failures: Failure[] = []
  #cancelIdle = (): void => {}

  constructor(database: Database, owner: string) {
    this.#database = database
    this.owner = owner
  }

  get isOpen(): boolean {
    return this.#ended === undefined
  }

  /** Runs one statement. @throws DatabaseError */
  async query(text: string, values: unknown[]): Promise<{ rows: object[] }> {
    return this.run(async () => {
      const statement = text.trim()
      if (statement === 'begin') return this.#begin()
      if (statement === 'commit') return this.#commit()
      if (statement.startsWith('insert into sink_progress')) return this.#claim(values as ClaimValues)
      if (statement.endsWith('for update')) return this.#lockProgress(values as ProgressValues)
      if (statement.startsWith('update sink_progress')) return this.#advance(values as AdvanceValues)
      if (statement.startsWith('select pg_terminate_backend')) return this.#endOwners(values as ProgressValues)
      throw new DatabaseError('42601', `the simulated database does not know this statement: ${statement.slice(0, 80)}`)
    })
  }

  /** The data of a COPY begin to come: no timeout of the server applies until they have all come. */
  beginCopy(): Promise<void> {
    return this.run(async () => {}, 'copying')
  }

  /** Rows whose key is there already are left out: the first stands. Answers the indices of those that it refuses. */
  copyRows(rows: KeptRow[], isRefused: (row: KeptRow) => boolean): Promise<number[]> {
    return this.run(async () => {
      const refused: number[] = []
      rows.forEach((row, index) => {
        if (isRefused(row)) refused.push(index)
        else if (this.#database.rows.has(row.id) || this.#rows.some(({ id }) => id === row.id)) this.#database.coverage.count('database.repeated-row')
        else this.#rows.push(row)
      })
      this.#database.coverage.count('database.refused-row', refused.length)
      return refused
    })
  }

  insertFailures(failures: Failure[]): Promise<void> {
    return this.run(async () => void this.#failures.push(...failures))
  }

  async run<T>(statement: () => Promise<T>, then: 'idle' | 'copying' = 'idle'): Promise<T> {
    this.#checkOpen()
    this.#cancelIdle()
    try {
      const result = await statement()
      this.#checkOpen()
      return result
    } catch (error) {
      if (!this.#inTransaction) this.#database.release(this)
      throw error
    } finally {
      if (this.#inTransaction && this.isOpen && then === 'idle') this.#watchIdle()
    }
  }

  /** Rolls back. */
  end(why: string): void {
    if (!this.isOpen) return
    this.#ended = why
    this.#cancelIdle()
    this.#database.trace.note(`database: session of ${this.owner} ended: ${why}${this.#inTransaction ? ', rolled back' : ''}`)
    this.#database.sessions.delete(this)
    this.#database.release(this)
  }

  #checkOpen(): void {
    if (this.#ended !== undefined) throw new DatabaseError('57P01', this.#ended)
  }

  #watchIdle(): void {
    this.#cancelIdle()
    this.#cancelIdle = this.#database.clock.after(IDLE_TIMEOUT_MS, () => {
      this.#database.coverage.count('database.idle-ended')
      this.end('idle in transaction')
    })
  }

  #begin(): { rows: object[] } {
    this.#inTransaction = true
    return { rows: [] }
  }

  #commit(): { rows: object[] } {
    const database = this.#database
    const [changes, rows, failures] = [this.#changes, this.#rows, this.#failures]
    this.#inTransaction = false
    this.#changes = []
    this.#rows = []
    this.#failures = []
    for (const { partition, to } of changes) database.progress.get(partitionKey(partition))!.next_offset = String(to)
    database.witness.committed(this.owner, changes, rows, failures)
    for (const row of rows) database.rows.set(row.id, row)
    for (const failure of failures) {
      const key = `${failure.stage} ${partitionKey(failure)}/${failure.offset}`
      if (!database.failures.has(key)) database.failures.set(key, failure)
    }
    database.trace.note(`database: ${this.owner} committed ${changes.map(({ partition, from, to }) => `${partitionKey(partition)} ${from}-${to}`).join(' ')}, ${rows.length} rows, ${failures.length} failures`)
    database.release(this)
    return { rows: [] }
  }

  async #claim([, topics, numbers, owner]: ClaimValues): Promise<{ rows: object[] }> {
    const ids = await this.#lockAll(inOrder(topics, numbers))
    const rows = ids.map((id) => {
      const { next_offset, owner_epoch } = this.#database.progress.get(partitionKey(id)) ?? { next_offset: '0', owner_epoch: '0' }
      const row: ProgressRow = { ...id, next_offset, owner_epoch: String(Number(owner_epoch) + 1), owner, session: this }
      this.#database.progress.set(partitionKey(id), row)
      return row
    })
    this.#database.witness.claimed(this.owner, ids)
    this.#database.trace.note(`database: ${owner} claimed ${ids.map(partitionKey).join(' ')}`)
    this.#database.release(this)
    return { rows: rows.map((row) => ({ ...row })) }
  }

  async #lockProgress([, topics, numbers]: ProgressValues): Promise<{ rows: object[] }> {
    const ids = await this.#lockAll(inOrder(topics, numbers))
    return { rows: ids.flatMap((id) => this.#database.progress.get(partitionKey(id)) ?? []).map((row) => ({ ...row })) }
  }

  async #lockAll(ids: PartitionId[]): Promise<PartitionId[]> {
    for (const id of ids) {
      await this.#database.lock(partitionKey(id), this)
      // It may have been ended while it waited, and then it takes no more.
      this.#checkOpen()
    }
    return ids
  }

  #advance([, topics, numbers, offsets]: AdvanceValues): { rows: object[] } {
    topics.forEach((topic, at) => {
      const partition = { topic, partition: numbers[at]! }
      this.#changes.push({ partition, from: Number(this.#database.progress.get(partitionKey(partition))?.next_offset ?? 0), to: offsets[at]! })
    })
    return { rows: [] }
  }

  #endOwners([, topics, numbers]: ProgressValues): { rows: object[] } {
    for (const id of inOrder(topics, numbers)) {
      const session = this.#database.progress.get(partitionKey(id))?.session
      if (!session?.isOpen || session === this) continue
      this.#database.coverage.count('database.owner-ended')
      session.end('ended by the new owner')
    }
    return { rows: [] }
  }
}

type ClaimValues = [sink: string, topics: string[], partitions: number[], owner: string]
type ProgressValues = [sink: string, topics: string[], partitions: number[]]
type AdvanceValues = [sink: string, topics: string[], partitions: number[], offsets: number[]]

function inOrder(topics: string[], numbers: number[]): PartitionId[] {
  return topics
    .map((topic, at) => ({ topic, partition: numbers[at]! }))
    .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
}
