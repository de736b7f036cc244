/** A sink's store in memory, for tests: owners share its tables, claims fence, and a test says when a commit fails. */
import { RetryLater } from '../errors.ts'
import { partitionKey } from '../loop/partition-key.ts'
import type { Failure, PartitionId, Position, SinkBatch, SinkStore } from '../loop/ports.ts'
import { SinkFenced } from '../loop/sink-fenced.ts'

/** Where a commit is to fail: before anything is written, or after all of it is, with the reply lost. */
export type CommitFault = 'before-commit' | 'after-commit' | undefined

/** What every owner sees. */
export class MemoryTables<Row> {
  readonly rows: Row[] = []
  readonly failures: Failure[] = []
  readonly progress = new Map<string, { next: number; epoch: number }>()
  commits = 0
}

export class MemorySinkStore<Row> implements SinkStore<Row> {
  readonly tables: MemoryTables<Row>
  readonly #epochs = new Map<string, number>()
  /** Asked before each commit. */
  fault: (() => CommitFault | Promise<CommitFault>) | undefined
  /** Gives the reason for a row that the database refuses. */
  refuses: ((row: Row) => Failure | undefined) | undefined

  constructor(tables: MemoryTables<Row>) {
    this.tables = tables
  }

  async claim(partitions: PartitionId[]): Promise<Position[]> {
    return partitions.map((id) => {
      const { next, epoch } = this.tables.progress.get(partitionKey(id)) ?? { next: 0, epoch: 0 }
      this.tables.progress.set(partitionKey(id), { next, epoch: epoch + 1 })
      this.#epochs.set(partitionKey(id), epoch + 1)
      return { ...id, offset: next }
    })
  }

  async commit(batch: SinkBatch<Row>): Promise<{ refused: { index: number; failure: Failure }[] }> {
    const fault = await this.fault?.()
    if (fault === 'before-commit') throw new RetryLater('postgres.away', 'nothing was committed')
    const fenced = batch.progress.filter((id) => this.tables.progress.get(partitionKey(id))?.epoch !== this.#epochs.get(partitionKey(id)))
    if (fenced.length > 0) throw new SinkFenced(fenced)
    const off = batch.progress.find((id) => this.tables.progress.get(partitionKey(id))!.next !== id.from)
    if (off) throw new RetryLater('sink.out-of-step', `${partitionKey(off)} is not at ${off.from}`)
    const refused = this.#write(batch)
    if (fault === 'after-commit') throw new RetryLater('postgres.away', 'the reply to the commit was lost')
    return { refused }
  }

  async failuresAt(positions: Position[]): Promise<Failure[]> {
    return this.tables.failures.filter((failure) => positions.some((position) => partitionKey(position) === partitionKey(failure) && position.offset === failure.offset))
  }

  #write({ rows, failures, progress }: SinkBatch<Row>): { index: number; failure: Failure }[] {
    const refused = rows.flatMap((row, index) => {
      const failure = this.refuses?.(row)
      return failure ? [{ index, failure }] : []
    })
    this.tables.rows.push(...rows.filter((_, index) => !refused.some((refusal) => refusal.index === index)))
    this.tables.failures.push(...failures, ...refused.map(({ failure }) => failure))
    for (const id of progress) this.tables.progress.get(partitionKey(id))!.next = id.to
    this.tables.commits += 1
    return refused
  }
}
