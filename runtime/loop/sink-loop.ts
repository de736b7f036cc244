/**
 * A sink in this process: gathers rows of all its partitions, stores them many at a time, then announces them.
 *
 *   records ─▶ lanes (one per partition) ─▶ queue ─▶ store, one batch at a time ─▶ announce, one batch at a time
 *
 * While a batch is stored the next one gathers, and the one before is announced. The parts are in files of their own:
 * whose partitions these are (`sink-ownership.ts`), what a record becomes (`sink-intake.ts`), how much is held at once
 * (`sink-limits.ts`), when a batch goes (`commit-due.ts`) and until when it is tried (`sink-storing.ts`), the steps of a
 * commit (`sink-commit.ts`), and its announcement (`sink-announcing.ts`).
 */
import type { Clock } from '../clock.ts'
import type { CommitPolicy, Sink } from '../define/sink.ts'
import type { Outgoing } from '../define/topic.ts'
import { Halt } from '../errors.ts'
import type { Failpoint } from '../failpoints.ts'
import type { Log } from '../log.ts'
import type { RecordSpan, Tracing } from '../telemetry/tracing.ts'
import type { Outbox, OutgoingRecord, PartitionId, Position, SinkStore, Source, SourceListener, SourceRecord } from './ports.ts'
import { SinkAnnouncing } from './sink-announcing.ts'
import { SinkCommit } from './sink-commit.ts'
import { SinkIntake } from './sink-intake.ts'
import type { SinkLane } from './sink-lane.ts'
import { SinkLimits } from './sink-limits.ts'
import { SinkOwnership } from './sink-ownership.ts'
import { SinkQueue, type Entry } from './sink-queue.ts'
import { SinkSender } from './sink-sender.ts'
import { SinkStoring } from './sink-storing.ts'
import type { StageStats } from './stage-stats.ts'

/** How long storing and announcing what was taken in may last when the sink is stopped. */
const DRAIN_MS = 20_000

export interface SinkLoopParts<In = any, Row = any> {
  sink: Sink<In, Row>
  source: Source
  store: SinkStore<Row>
  outbox: Outbox
  policy: CommitPolicy
  decode(record: SourceRecord): In | Promise<In>
  encode(outgoing: Outgoing, input: SourceRecord, span: RecordSpan): OutgoingRecord
  tracing: Tracing
  clock: Clock
  log: Log
  stats: StageStats
  at?: Failpoint | undefined
}

export class SinkLoop<In = any, Row = any> implements SourceListener {
  readonly #parts: SinkLoopParts<In, Row>
  readonly #intake: SinkIntake<In, Row>
  readonly #queue = new SinkQueue<Row>()
  readonly #ownership: SinkOwnership
  readonly #limits: SinkLimits
  readonly #storing: SinkStoring<Row>
  readonly #announcing: SinkAnnouncing<Row>
  readonly #ended = Promise.withResolvers<void>()
  /** Aborted when no more time is given to anything. */
  readonly #over = new AbortController()
  #phase: 'running' | 'draining' | 'stopped' = 'running'

  constructor(parts: SinkLoopParts<In, Row>) {
    const over = this.#over.signal
    const sender = new SinkSender(parts, over)
    const commit = new SinkCommit({ ...parts, send: (records) => sender.send(records) })
    const common = { ...parts, commit, queue: this.#queue, over, failed: (error: Error) => this.failed(error) }
    this.#parts = parts
    this.#intake = new SinkIntake(parts)
    this.#ownership = new SinkOwnership({ ...common, gone: (lane) => this.#forget(lane) })
    this.#limits = new SinkLimits({ ...common, lanes: () => this.#ownership.lanes })
    this.#announcing = new SinkAnnouncing(common)
    this.#storing = new SinkStoring({
      ...common,
      taken: (entries) => this.#limits.underWay(entries),
      stored: (entries, done) => this.#announcing.begin(entries, done),
      claimAgain: () => this.#ownership.claimAgain(),
      giveUp: (fenced) => this.#ownership.giveUp(fenced),
    })
    this.#ended.promise.catch(() => {})
  }

  get stats(): StageStats {
    return this.#parts.stats
  }

  /** Bytes of all records that were delivered and are not announced yet. */
  get heldBytes(): number {
    return this.#limits.heldBytes
  }

  /** Settles when the sink has ended: rejects with what stopped it, resolves after `stop`. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  async start(): Promise<void> {
    await this.#parts.source.start(this)
  }

  /** Stores and announces what was taken in, for a bounded time, and leaves the group. */
  async stop(): Promise<void> {
    if (this.#phase === 'running') await this.#drain()
    this.#ended.resolve()
  }

  assigned(partitions: PartitionId[]): Promise<Position[]> {
    return this.#ownership.assigned(partitions)
  }

  revoked(partitions: PartitionId[]): void {
    this.#ownership.revoked(partitions)
    this.#limits.apply()
  }

  records(id: PartitionId, records: SourceRecord[]): void {
    const lane = this.#ownership.laneOf(id)
    if (!lane?.isLive || this.#phase !== 'running') return
    void this.#arrive(lane, records).catch((error: unknown) => this.failed(error as Error))
    this.#storing.storeWhenDue()
  }

  failed(error: Error): void {
    if (this.#phase === 'stopped') return
    this.#parts.log.error({ err: error }, error instanceof Halt ? error.remedy : 'the sink cannot go on')
    this.#halt()
    void this.#parts.source.stop().finally(() => this.#ended.reject(error))
  }

  /** Usually all are taken in at once; those that have to wait count as arriving until then. */
  async #arrive(lane: SinkLane, records: SourceRecord[]): Promise<void> {
    const arriving = lane.arrive(records, (record) => this.#takeIn(lane, record))
    this.#limits.apply()
    await arriving
    this.#limits.apply()
  }

  #takeIn(lane: SinkLane, record: SourceRecord): Promise<void> | void {
    const taken = this.#intake.take(lane, record, this.#over.signal)
    return taken instanceof Promise ? this.#takeInLater(lane, taken) : this.#enqueue(taken)
  }

  /** The partition waits with its record, so that no more than one fetch piles up behind it. */
  async #takeInLater(lane: SinkLane, taking: Promise<Entry<Row> | undefined>): Promise<void> {
    this.#parts.source.pause([lane.id])
    const entry = await taking
    if (!lane.isLive) return
    if (entry) this.#enqueue(entry)
    if (!this.#limits.isPaused(lane) && this.#phase === 'running') this.#parts.source.resume([lane.id])
    this.#storing.storeWhenDue()
  }

  #enqueue(entry: Entry<Row>): void {
    if (entry.lane.isLive) this.#queue.push(entry)
  }

  #forget(lane: SinkLane): void {
    this.#queue.drop(lane)
    this.#limits.forget(lane)
  }

  async #drain(): Promise<void> {
    this.#phase = 'draining'
    this.#leaveAlone()
    this.#parts.source.pause(this.#ownership.lanes.map(({ id }) => id))
    const cancel = this.#parts.clock.after(DRAIN_MS, () => this.#over.abort())
    await this.#storing.drain()
    await this.#announcing.settled
    cancel()
    this.#halt()
    await this.#parts.source.stop()
  }

  #halt(): void {
    this.#phase = 'stopped'
    this.#leaveAlone()
    this.#over.abort()
    this.#storing.end()
  }

  /** Nothing more is claimed or read. */
  #leaveAlone(): void {
    this.#ownership.end()
    this.#limits.end()
  }
}
