/** A stateful stage in this process: opens a task for each partition that is assigned, and closes it when it goes. */
import { Halt } from '../errors.ts'
import type { PartitionId, Position, SourceListener, SourceRecord, StatePoint } from './ports.ts'
import { StatefulTask, type StatefulTaskParts } from './stateful-task.ts'

export type StatefulLoopParts = Omit<StatefulTaskParts, 'id' | 'held' | 'failed'>

export class StatefulLoop implements SourceListener {
  readonly #parts: StatefulLoopParts
  readonly #tasks = new Map<number, StatefulTask>()
  readonly #endings = new Map<number, Promise<StatePoint | undefined>>()
  readonly #ended = Promise.withResolvers<void>()
  /** The newest assignment. */
  #assignment: symbol | undefined
  #stopping = false

  constructor(parts: StatefulLoopParts) {
    this.#parts = parts
    this.#ended.promise.catch(() => {})
  }

  async start(): Promise<void> {
    await this.#parts.source.start(this)
  }

  /** Settles when the stage has ended: rejects with what stopped it, resolves after `stop`. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  async stop(): Promise<void> {
    if (!this.#stopping) await this.#shutDown()
    this.#ended.resolve()
  }

  /**
   * A rejoin may follow a generation in which another process owned the partition, so every assignment is a new
   * take-over. A partition that stays with us keeps its state: only what was written since is read.
   */
  async assigned(partitions: PartitionId[]): Promise<Position[]> {
    const assignment = (this.#assignment = Symbol('assignment'))
    const opened = await Promise.all(partitions.map((id) => this.#open(id, assignment)))
    return opened.flat()
  }

  revoked(partitions: PartitionId[]): void {
    for (const { partition } of partitions) void this.#close(partition)
  }

  records({ partition }: PartitionId, records: SourceRecord[]): void {
    if (!this.#stopping) this.#tasks.get(partition)?.accept(records)
  }

  failed(error: Error): void {
    if (this.#stopping) return
    this.#parts.log.error({ err: error }, error instanceof Halt ? error.remedy : 'the stage cannot go on')
    void this.#shutDown().finally(() => this.#ended.reject(error))
  }

  /** Nothing when another assignment came while the partition's old task was ending: it may be somebody else's by now. */
  async #open(id: PartitionId, assignment: symbol): Promise<Position[]> {
    const held = await this.#close(id.partition)
    if (this.#assignment !== assignment || this.#stopping) return []
    const task = new StatefulTask({ ...this.#parts, id, held, failed: (error) => this.failed(error) })
    this.#tasks.set(id.partition, task)
    return [{ ...id, offset: await task.open() }]
  }

  async #shutDown(): Promise<void> {
    this.#stopping = true
    const held = await Promise.all([...this.#tasks.keys()].map(async (partition) => [partition, await this.#close(partition)] as const))
    await this.#parts.source.stop()
    // The group waits for nobody now.
    for (const [partition, point] of held) if (point) await this.#parts.snapshots?.saveAtEnd(partition, point)
  }

  /** Resolves when the partition's task, if it has one or one is ending, has ended; to what a next one may start from. */
  #close(partition: number): Promise<StatePoint | undefined> {
    const task = this.#tasks.get(partition)
    if (!task) return this.#endings.get(partition) ?? Promise.resolve(undefined)
    this.#tasks.delete(partition)
    const ending = task.close().then(() => task.held)
    this.#endings.set(partition, ending)
    return ending.finally(() => this.#endings.delete(partition))
  }
}
