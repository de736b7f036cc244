/**
 * A stateless stage in this process: hands each partition's records to its task, and commits what is finished.
 *
 * Commit procedure (the numbers are those of DESIGN.md, "Commit of a stateless stage"):
 *   1. a record's handler returns its outputs
 *   2. the outputs are sent and acknowledged by all in-sync replicas (I1)
 *   3. the record's offset is finished; the watermark moves over the contiguous finished prefix
 *   4. every second, or 1,000 records, the watermarks are committed to the group
 * A crash between any two steps repeats records and loses none (I3).
 */
import type { Clock } from '../clock.ts'
import type { Processor } from '../define/processor.ts'
import { reasonOf, type Halt } from '../errors.ts'
import type { Failpoint } from '../failpoints.ts'
import type { Log } from '../log.ts'
import { PartitionTask, type Bounds } from './partition-task.ts'
import { partitionKey } from './partition-key.ts'
import type { PartitionId, Position, Source, SourceListener, SourceRecord } from './ports.ts'
import type { RecordWork } from './record-work.ts'
import type { StageStats } from './stage-stats.ts'

/** One second bounds the work repeated after a crash; 1,000 records bound it under load. */
const COMMIT_EVERY_MS = 1_000
const COMMIT_EVERY_RECORDS = 1_000

/**
 * A partition is paused when it holds this much: enough to keep handlers busy over one fetch. With twice as much a busy
 * stage spends a quarter of its time on garbage, since all that it holds outlives the young generation.
 */
const BOUNDS: Bounds = { records: 1_000, bytes: 8 << 20 }

/** How long records that run may take to end when the stage is stopped. */
const DRAIN_MS = 20_000

export interface StageLoopParts {
  processor: Processor
  source: Source
  work: (halt: (error: Halt) => void) => RecordWork
  clock: Clock
  log: Log
  stats: StageStats
  at?: Failpoint | undefined
}

export class StageLoop implements SourceListener {
  readonly #parts: StageLoopParts
  readonly #work: RecordWork
  readonly #tasks = new Map<string, PartitionTask>()
  readonly #ended = Promise.withResolvers<void>()
  #finishedSinceCommit = 0
  #committing: Promise<void> | undefined
  #stopCadence = (): void => {}
  #stopping = false

  constructor(parts: StageLoopParts) {
    this.#parts = parts
    this.#work = parts.work((error) => this.failed(error))
    this.#ended.promise.catch(() => {})
  }

  async start(): Promise<void> {
    this.#stopCadence = this.#parts.clock.every(COMMIT_EVERY_MS, () => void this.#commit())
    await this.#parts.source.start(this)
  }

  /** Settles when the stage has ended: rejects with what stopped it, resolves after `stop`. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Lets what runs end, commits it, and leaves the group. */
  async stop(): Promise<void> {
    if (!this.#stopping) await this.#drain()
    this.#ended.resolve()
  }

  async assigned(partitions: PartitionId[]): Promise<Position[]> {
    return partitions.flatMap((id) => {
      const next = this.#taskOf(id).nextOffset
      return next === undefined ? [] : [{ ...id, offset: next }]
    })
  }

  revoked(partitions: PartitionId[]): void {
    for (const id of partitions) {
      this.#tasks.get(partitionKey(id))?.abandon()
      this.#tasks.delete(partitionKey(id))
    }
  }

  records(id: PartitionId, records: SourceRecord[]): void {
    if (this.#stopping) return
    void this.#parts.at?.('after-poll')
    this.#taskOf(id).accept(records)
    this.#countWaiting()
  }

  failed(error: Error): void {
    if (this.#stopping) return
    this.#stopping = true
    this.#stopCadence()
    for (const task of this.#tasks.values()) task.abandon()
    void this.#parts.source.stop().finally(() => this.#ended.reject(error))
  }

  async #drain(): Promise<void> {
    this.#stopping = true
    this.#stopCadence()
    const tasks = [...this.#tasks.values()]
    this.#parts.source.pause(tasks.map(({ id }) => id))
    const cancel = this.#parts.clock.after(DRAIN_MS, () => tasks.forEach((task) => task.abandon()))
    await Promise.all(tasks.map((task) => task.close()))
    cancel()
    await this.#committing
    await this.#commit()
    await this.#parts.source.stop()
  }

  #taskOf(id: PartitionId): PartitionTask {
    const existing = this.#tasks.get(partitionKey(id))
    if (existing) return existing
    const task = this.#openTask(id)
    this.#tasks.set(partitionKey(id), task)
    return task
  }

  #openTask(id: PartitionId): PartitionTask {
    const { processor, source } = this.#parts
    const { inFlightPerPartition, order } = processor.concurrency
    // A batch can only fill when as many records may be in a handler at once; twice that keeps the next one filling.
    const inFlight = Math.max(inFlightPerPartition, 2 * (processor.batch?.maxRecords ?? 0))
    return new PartitionTask({
      id, order, inFlight, work: this.#work,
      bounds: { ...BOUNDS, records: Math.max(BOUNDS.records, 2 * inFlight) },
      pause: () => source.pause([id]),
      resume: () => source.resume([id]),
      finished: () => this.#recordFinished(),
    })
  }

  #recordFinished(): void {
    this.#finishedSinceCommit += 1
    if (this.#finishedSinceCommit >= COMMIT_EVERY_RECORDS) void this.#commit()
  }

  #countWaiting(): void {
    let waiting = 0
    for (const task of this.#tasks.values()) waiting += task.waiting
    this.#parts.stats.waiting = waiting
  }

  /** One commit at a time; a failed one is tried again by the next cadence, since the watermark only grows. */
  #commit(): Promise<void> {
    this.#committing ??= this.#commitDue().finally(() => (this.#committing = undefined))
    return this.#committing
  }

  async #commitDue(): Promise<void> {
    this.#finishedSinceCommit = 0
    this.#countWaiting()
    const due = [...this.#tasks.values()].flatMap((task) => task.due() ?? [])
    if (due.length === 0) return
    try {
      await this.#parts.at?.('before-offsets')
      await this.#parts.source.commit(due)
      await this.#parts.at?.('after-offsets')
      for (const position of due) this.#tasks.get(partitionKey(position))?.markCommitted(position.offset)
      this.#parts.stats.lastCommitAtMs = this.#parts.clock.now()
    } catch (error) {
      this.#parts.log.warn({ err: error, reason: reasonOf(error) }, 'offsets were not committed; trying again')
    }
  }
}
