/**
 * A sink in this process: gathers rows of all its partitions, stores them many at a time, then announces them.
 *
 *   records ─▶ lanes (one per partition) ─▶ queue ─▶ store, one batch at a time ─▶ announce, one batch at a time
 *
 * While a batch is stored the next one gathers, and the one before is announced. A batch goes when rows, bytes or age
 * reach their bound, so under load batches are large and an idle sink writes nothing.
 */
import { sleepUnlessAborted, type Clock } from '../clock.ts'
import type { CommitPolicy, Sink } from '../define/sink.ts'
import type { Outgoing } from '../define/topic.ts'
import { Halt, reasonOf, RetryLater, verdictOf } from '../errors.ts'
import type { Failpoint } from '../failpoints.ts'
import type { Log } from '../log.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { backoffMs } from './backoff.ts'
import { partitionKey } from './partition-key.ts'
import type { Outbox, OutgoingRecord, PartitionId, Position, SinkStore, Source, SourceListener, SourceRecord } from './ports.ts'
import { SinkCommit } from './sink-commit.ts'
import { SinkFenced } from './sink-fenced.ts'
import { SinkIntake } from './sink-intake.ts'
import { SinkLane } from './sink-lane.ts'
import { SinkQueue, type Entry } from './sink-queue.ts'
import { SinkSender } from './sink-sender.ts'
import type { StageStats } from './stage-stats.ts'

/** While the database or the broker is away. */
const RETRY = { firstDelayMs: 100, maxDelayMs: 10_000 }

/** How long storing and announcing what was taken in may last when the sink is stopped. */
const DRAIN_MS = 20_000

/**
 * A partition that another owner claimed is claimed again after this long, if it is still assigned to us. Longer than
 * a session: a member that Kafka has put out has learned of it by then, so two live members never take turns.
 */
const RECLAIM_MS = 30_000

export interface SinkLoopParts<In = any, Row = any> {
  sink: Sink<In, Row>
  source: Source
  store: SinkStore<Row>
  outbox: Outbox
  policy: CommitPolicy
  decode(record: SourceRecord): In | Promise<In>
  encode(outgoing: Outgoing, input: SourceRecord, traceparent: string): OutgoingRecord
  tracing: Tracing
  clock: Clock
  log: Log
  stats: StageStats
  at?: Failpoint | undefined
}

export class SinkLoop<In = any, Row = any> implements SourceListener {
  readonly #parts: SinkLoopParts<In, Row>
  readonly #intake: SinkIntake<In, Row>
  readonly #commit: SinkCommit<Row>
  readonly #lanes = new Map<string, SinkLane>()
  /** The newest claim of each partition that is ours or about to be. */
  readonly #claims = new Map<string, symbol>()
  readonly #queue = new SinkQueue<Row>()
  readonly #paused = new Set<SinkLane>()
  readonly #ended = Promise.withResolvers<void>()
  /** Aborted when no more time is given to anything. */
  readonly #over = new AbortController()
  #storing: Promise<void> | undefined
  #announcing: Promise<void> = Promise.resolve()
  #cancelTimer: (() => void) | undefined
  #phase: 'running' | 'draining' | 'stopped' = 'running'

  constructor(parts: SinkLoopParts<In, Row>) {
    this.#parts = parts
    this.#intake = new SinkIntake(parts)
    const sender = new SinkSender(parts, this.#over.signal)
    this.#commit = new SinkCommit({ ...parts, send: (records) => sender.send(records) })
    this.#ended.promise.catch(() => {})
  }

  get stats(): StageStats {
    return this.#parts.stats
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

  /**
   * Every assignment is a new claim, also of a partition that was ours before: another process may have owned it in a
   * generation between. The claim waits for our own commit under way, so what it returns is final.
   */
  async assigned(partitions: PartitionId[]): Promise<Position[]> {
    this.revoked(partitions)
    const claim = Symbol('claim')
    for (const id of partitions) this.#claims.set(partitionKey(id), claim)
    const positions = await this.#claim(partitions)
    const announced = await this.#parts.source.committed(partitions)
    // What was revoked or assigned anew meanwhile is not ours by this claim.
    const lanes = positions.filter((id) => this.#claims.get(partitionKey(id)) === claim).map((id) => this.#open(id, id.offset))
    return lanes.flatMap((lane) => startOf(lane, announced))
  }

  revoked(partitions: PartitionId[]): void {
    for (const id of partitions) {
      this.#claims.delete(partitionKey(id))
      this.#close(id)
    }
    this.#limitIntake()
  }

  records(id: PartitionId, records: SourceRecord[]): void {
    const lane = this.#lanes.get(partitionKey(id))
    if (!lane?.isLive || this.#phase !== 'running') return
    void lane.arrive(records, (record) => this.#takeIn(lane, record)).catch((error: unknown) => this.failed(error as Error))
    this.#limitIntake()
    this.#storeWhenDue()
  }

  failed(error: Error): void {
    if (this.#phase === 'stopped') return
    this.#parts.log.error({ err: error }, error instanceof Halt ? error.remedy : 'the sink cannot go on')
    this.#halt()
    void this.#parts.source.stop().finally(() => this.#ended.reject(error))
  }

  // Taking in

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
    if (!this.#paused.has(lane) && this.#phase === 'running') this.#parts.source.resume([lane.id])
    this.#storeWhenDue()
  }

  #enqueue(entry: Entry<Row>): void {
    if (entry.lane.isLive) this.#queue.push(entry)
  }

  /** Two batches may wait; above that the partitions pause, and they go on below one. */
  #limitIntake(): void {
    this.#countWaiting()
    const { maxRows, maxBytes } = this.#parts.policy
    const { records, bytes } = this.#waiting()
    if (records > 2 * maxRows || bytes > 2 * maxBytes) this.#pauseAll()
    else if (records <= maxRows && bytes <= maxBytes) this.#resumeAll()
  }

  #pauseAll(): void {
    const running = [...this.#lanes.values()].filter((lane) => lane.isLive && !this.#paused.has(lane))
    for (const lane of running) this.#paused.add(lane)
    if (running.length > 0) this.#parts.source.pause(running.map(({ id }) => id))
  }

  #resumeAll(): void {
    const paused = [...this.#paused].filter(({ isLive }) => isLive)
    this.#paused.clear()
    if (paused.length > 0 && this.#phase === 'running') this.#parts.source.resume(paused.map(({ id }) => id))
  }

  #waiting(): { records: number; bytes: number } {
    let records = this.#queue.length
    let bytes = this.#queue.heldBytes
    for (const { arriving } of this.#lanes.values()) {
      records += arriving.records
      bytes += arriving.bytes
    }
    return { records, bytes }
  }

  #countWaiting(): void {
    this.#parts.stats.waiting = this.#waiting().records
  }

  // Storing

  #storeWhenDue(): void {
    if (this.#storing || this.#phase === 'stopped') return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const waitMs = this.#dueInMs()
    if (waitMs === undefined) return
    if (waitMs > 0) this.#cancelTimer = this.#parts.clock.after(waitMs, () => this.#storeWhenDue())
    else this.#storing = this.#storeNext().finally(() => this.#stored())
  }

  /** Milliseconds until the next batch goes; undefined when nothing waits. */
  #dueInMs(): number | undefined {
    const { maxRows, maxBytes, maxAgeMs } = this.#parts.policy
    const { length, rowBytes, oldestMs } = this.#queue
    if (oldestMs === undefined) return undefined
    if (length >= maxRows || rowBytes >= maxBytes || this.#phase === 'draining') return 0
    return Math.max(0, oldestMs + maxAgeMs - this.#parts.clock.monotonicMs())
  }

  async #storeNext(): Promise<void> {
    const { clock, stats } = this.#parts
    const startedMs = clock.monotonicMs()
    const taken = this.#queue.take(this.#parts.policy)
    this.#limitIntake()
    stats.inFlight = taken.length
    const stored = await this.#storeUntilDone(taken)
    stats.inFlight = 0
    stats.workMs += clock.monotonicMs() - startedMs
    await this.#announcing
    this.#announcing = this.#announce(stored)
  }

  #stored(): void {
    this.#storing = undefined
    this.#storeWhenDue()
  }

  /** The entries that are in the store now; those of partitions that went away meanwhile are not among them. */
  async #storeUntilDone(taken: Entry<Row>[]): Promise<Entry<Row>[]> {
    let inDoubt = false
    for (let attempt = 1; !this.#over.signal.aborted; attempt++) {
      try {
        if (inDoubt) await this.#claimAgain()
        inDoubt = false
        return await this.#storeLive(taken)
      } catch (error) {
        if (this.#over.signal.aborted) return []
        inDoubt = await this.#isInDoubt(error, attempt)
      }
    }
    return []
  }

  async #storeLive(taken: Entry<Row>[]): Promise<Entry<Row>[]> {
    const live = taken.filter(({ lane }) => lane.isLive)
    await this.#commit.store(live)
    if (live.length < taken.length) abandonOthers(taken, live)
    return live
  }

  /** After an error: gives up what another owner has, waits when the store is away, and stops for anything else. */
  async #isInDoubt(error: unknown, attempt: number): Promise<boolean> {
    const verdict = verdictOf(error)
    if (verdict instanceof SinkFenced) this.#giveUp(verdict)
    else if (!(verdict instanceof RetryLater)) this.failed(error as Error)
    else {
      this.#parts.stats.retries += 1
      this.#parts.log.warn({ code: verdict.code, attempt, reason: verdict.message }, 'nothing was stored for sure; claiming again')
      await this.#pauseBefore(attempt, verdict.afterMs)
      return true
    }
    return false
  }

  /** The answer tells whether a commit in doubt had happened: then its records lie below the store's offset. */
  async #claimAgain(): Promise<void> {
    const live = [...this.#lanes.values()].filter(({ isLive }) => isLive)
    const positions = await this.#parts.store.claim(live.map(({ id }) => id))
    for (const lane of live) this.#settleAt(lane, offsetIn(positions, lane.id) ?? 0)
  }

  /** A store that went back (restored from a backup, or without synchronous commit) is read to again from there. */
  #settleAt(lane: SinkLane, offset: number): void {
    if (!lane.isLive) return
    if (offset >= lane.stored) return lane.moveStored(offset)
    this.#parts.log.warn({ ...lane.id, from: lane.stored, to: offset }, 'the store has gone back; reading again')
    this.#close(lane.id)
    this.#open(lane.id, offset)
    this.#parts.source.seek({ ...lane.id, offset })
  }

  // Announcing

  async #announce(stored: Entry<Row>[]): Promise<void> {
    if (stored.length === 0) return
    try {
      const positions = await this.#commit.announce(stored)
      await this.#parts.at?.('after-announce')
      this.#count(stored)
      if (positions.length > 0) await this.#commitOffsets(positions)
      await this.#parts.at?.('after-sink-offsets')
    } catch (error) {
      if (!this.#over.signal.aborted) this.failed(error as Error)
    }
  }

  #count(stored: Entry<Row>[]): void {
    const dead = stored.filter(({ failure }) => failure).length
    this.#parts.stats.dead += dead
    this.#parts.stats.written += stored.length - dead
    this.#parts.stats.lastCommitAtMs = this.#parts.clock.now()
  }

  /** A refusal costs nothing but announcements made again: the truth about rows is in the store. */
  async #commitOffsets(positions: Position[]): Promise<void> {
    try {
      await this.#parts.source.commit(positions)
    } catch (error) {
      this.#parts.log.warn({ reason: reasonOf(error) }, 'offsets were not committed to the group')
    }
  }

  async #pauseBefore(attempt: number, askedMs?: number): Promise<void> {
    await sleepUnlessAborted(this.#parts.clock, backoffMs(this.#parts.clock, RETRY, attempt, askedMs), this.#over.signal)
  }

  // Partitions

  async #claim(partitions: PartitionId[]): Promise<Position[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#parts.at?.('before-claim')
        const positions = await this.#parts.store.claim(partitions)
        await this.#parts.at?.('after-claim')
        return positions
      } catch (error) {
        if (!(verdictOf(error) instanceof RetryLater) || this.#over.signal.aborted) throw error
        this.#parts.log.warn({ attempt, reason: reasonOf(error) }, 'partitions were not claimed; trying again')
        await this.#pauseBefore(attempt)
      }
    }
  }

  #open(id: PartitionId, stored: number): SinkLane {
    const lane = new SinkLane(id, stored)
    this.#lanes.set(partitionKey(id), lane)
    return lane
  }

  #close(id: PartitionId): void {
    const lane = this.#lanes.get(partitionKey(id))
    if (!lane) return
    lane.leave()
    this.#forget(lane)
    this.#lanes.delete(partitionKey(id))
  }

  #forget(lane: SinkLane): void {
    this.#queue.drop(lane)
    this.#paused.delete(lane)
  }

  #giveUp(fenced: SinkFenced): void {
    this.#parts.log.warn({ reason: fenced.message }, fenced.remedy)
    for (const id of fenced.partitions) {
      const lane = this.#lanes.get(partitionKey(id))
      if (lane?.isLive) this.#lose(lane)
    }
  }

  #lose(lane: SinkLane): void {
    lane.lose()
    this.#forget(lane)
    this.#parts.source.pause([lane.id])
    const cancel = this.#parts.clock.after(RECLAIM_MS, () => void this.#regain(lane))
    this.#over.signal.addEventListener('abort', cancel, { once: true })
  }

  async #regain(lost: SinkLane): Promise<void> {
    if (this.#phase !== 'running' || this.#lanes.get(partitionKey(lost.id)) !== lost) return
    try {
      const [start] = await this.assigned([lost.id])
      const lane = this.#lanes.get(partitionKey(lost.id))
      if (!lane) return
      this.#parts.source.seek(start ?? { ...lane.id, offset: lane.stored })
      this.#parts.source.resume([lane.id])
    } catch (error) {
      this.failed(error as Error)
    }
  }

  // Ending

  async #drain(): Promise<void> {
    this.#phase = 'draining'
    this.#parts.source.pause([...this.#lanes.values()].map(({ id }) => id))
    const cancel = this.#parts.clock.after(DRAIN_MS, () => this.#over.abort())
    this.#storeWhenDue()
    while (this.#storing) await this.#storing
    await this.#announcing
    cancel()
    this.#halt()
    await this.#parts.source.stop()
  }

  #halt(): void {
    this.#phase = 'stopped'
    this.#over.abort()
    this.#cancelTimer?.()
  }
}

/**
 * Where a partition is read from: the lower of what is stored and what is announced. Without a committed offset that
 * is the oldest record, where the source starts by itself.
 */
function startOf(lane: SinkLane, announced: Position[]): Position[] {
  const offset = offsetIn(announced, lane.id)
  return offset === undefined ? [] : [{ ...lane.id, offset: Math.min(offset, lane.stored) }]
}

function abandonOthers<Row>(taken: Entry<Row>[], stored: Entry<Row>[]): void {
  const kept = new Set(stored)
  for (const entry of taken) if (!kept.has(entry)) entry.span.end('abandoned')
}

function offsetIn(positions: Position[], id: PartitionId): number | undefined {
  return positions.find(({ topic, partition }) => topic === id.topic && partition === id.partition)?.offset
}
