/**
 * How much of a sink is in memory at once: partitions pause when that is too much, and go on when there is room again.
 *
 *   arriving ─▶ queued ─▶ being stored ─▶ being announced
 *   └── at most 2 × maxRows ──┘
 *   └────────────── at most 3 × maxBytes ───────────────┘      a batch in each of the last three
 *
 * Beyond a bound only what was on its way is taken in: what the source has fetched by then, which it bounds.
 */
import type { CommitPolicy } from '../define/sink.ts'
import type { Source } from './ports.ts'
import type { SinkLane } from './sink-lane.ts'
import type { Entry, SinkQueue } from './sink-queue.ts'
import type { StageStats } from './stage-stats.ts'

export interface SinkLimitsParts {
  policy: CommitPolicy
  source: Pick<Source, 'pause' | 'resume'>
  queue: SinkQueue<any>
  lanes(): SinkLane[]
  stats: StageStats
}

const [MOST_BATCHES_WAITING, MOST_BATCHES_HELD] = [2, 3]

export class SinkLimits {
  readonly #parts: SinkLimitsParts
  readonly #paused = new Set<SinkLane>()
  #underWayBytes = 0
  #ended = false

  constructor(parts: SinkLimitsParts) {
    this.#parts = parts
  }

  isPaused(lane: SinkLane): boolean {
    return this.#paused.has(lane)
  }

  /** Bytes of all that was delivered and is not announced yet. */
  get heldBytes(): number {
    return this.#waiting().bytes + this.#underWayBytes
  }

  /** Entries have left the queue; the returned function tells that they are announced or given up. */
  underWay(entries: Entry<unknown>[]): () => void {
    const bytes = entries.reduce((sum, { heldBytes }) => sum + heldBytes, 0)
    this.#underWayBytes += bytes
    this.apply()
    return () => {
      this.#underWayBytes -= bytes
      this.apply()
    }
  }

  /** To be called when what waits has changed. One batch of room is made before partitions go on, so that they do not flicker. */
  apply(): void {
    const { policy: { maxRows, maxBytes }, stats } = this.#parts
    const { records, bytes } = this.#waiting()
    const heldBytes = bytes + this.#underWayBytes
    stats.waiting = records
    if (records > MOST_BATCHES_WAITING * maxRows || heldBytes > MOST_BATCHES_HELD * maxBytes) this.#pauseAll()
    else if (records <= (MOST_BATCHES_WAITING - 1) * maxRows && heldBytes <= (MOST_BATCHES_HELD - 1) * maxBytes) this.#resumeAll()
  }

  /** The lane is gone; who opens it again begins without a pause. */
  forget(lane: SinkLane): void {
    this.#paused.delete(lane)
  }

  /** Nothing goes on from here. */
  end(): void {
    this.#ended = true
  }

  #waiting(): { records: number; bytes: number } {
    const { queue, lanes } = this.#parts
    let [records, bytes] = [queue.length, queue.heldBytes]
    for (const { arriving } of lanes()) {
      records += arriving.records
      bytes += arriving.bytes
    }
    return { records, bytes }
  }

  #pauseAll(): void {
    const running = this.#parts.lanes().filter((lane) => lane.isLive && !this.#paused.has(lane))
    for (const lane of running) this.#paused.add(lane)
    if (running.length > 0) this.#parts.source.pause(running.map(({ id }) => id))
  }

  #resumeAll(): void {
    const paused = [...this.#paused].filter(({ isLive }) => isLive)
    this.#paused.clear()
    if (paused.length > 0 && !this.#ended) this.#parts.source.resume(paused.map(({ id }) => id))
  }
}
