/** One connection at the server's end: its transaction, and the statements of `runtime/postgres/progress.ts`. */
import { partitionKey } from '#runtime/loop/partition-key.ts'
import type { Failure, PartitionId } from '#runtime/loop/ports.ts'
import type { Change, Database, ProgressRow } from './database.ts'
import type { KeptRow } from './workload/topology.ts'

const IDLE_TIMEOUT_MS = 10_000

export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  /** SQLSTATE. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

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
