/**
 * Stores what has gathered, one batch at a time, when it is due: each batch until it is in the store for sure, or until
 * nothing of it is ours any more.
 *
 *   try ──▶ stored
 *    ▲  ├─▶ fenced: give up what another owner has ──▶ try with the rest
 *    │  ├─▶ in doubt: wait, claim again ─────────────▶ try what the claim shows not to be there
 *    │  └─▶ anything else: the sink ends
 *    └──────────────────────────────┘
 */
import { sleepUnlessAborted, type Clock } from '../clock.ts'
import type { CommitPolicy } from '../define/sink.ts'
import { RetryLater, verdictOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { Alarm } from './alarm.ts'
import { backoffMs } from './backoff.ts'
import { commitDue, type Due } from './commit-due.ts'
import type { SinkCommit } from './sink-commit.ts'
import { SinkFenced } from './sink-fenced.ts'
import type { Entry, SinkQueue } from './sink-queue.ts'
import type { StageStats } from './stage-stats.ts'

/** While the database is away. */
const RETRY = { firstDelayMs: 100, maxDelayMs: 10_000 }

export interface SinkStoringParts<Row> {
  policy: CommitPolicy
  queue: SinkQueue<Row>
  commit: Pick<SinkCommit<Row>, 'store'>
  clock: Clock
  log: Log
  stats: StageStats
  /** Aborted when no more time is given. */
  over: AbortSignal
  /** These have left the queue; the returned function is called when they are done with. */
  taken(entries: Entry<Row>[]): () => void
  /** These are in the store. The next batch waits for it, and what it returns ends the announcement of them. */
  stored(entries: Entry<Row>[], done: () => void): Promise<void>
  claimAgain(): Promise<void>
  giveUp(fenced: SinkFenced): void
  failed(error: Error): void
}

export class SinkStoring<Row> {
  readonly #parts: SinkStoringParts<Row>
  readonly #alarm: Alarm
  #underWay: Promise<void> | undefined
  #lastBegunMs = -Infinity
  #isDraining = false

  constructor(parts: SinkStoringParts<Row>) {
    this.#parts = parts
    this.#alarm = new Alarm(parts.clock, () => this.storeWhenDue())
  }

  /** To be called when the queue has grown. */
  storeWhenDue(): void {
    if (this.#underWay || this.#parts.over.aborted) return
    const due = this.#due()
    if (due === undefined) return
    if (due.atMs > this.#parts.clock.monotonicMs()) return this.#alarm.set(due.atMs)
    this.#alarm.clear()
    this.#underWay = this.#storeNext(due).finally(() => this.#afterwards())
  }

  /** Stores all that has gathered, due or not. */
  async drain(): Promise<void> {
    this.#isDraining = true
    this.storeWhenDue()
    while (this.#underWay) await this.#underWay
  }

  end(): void {
    this.#alarm.clear()
  }

  #due(): Due | undefined {
    const { queue, policy } = this.#parts
    const { length: rows, heldBytes: bytes, oldestMs, newestMs } = queue
    if (this.#isDraining && rows > 0) return { atMs: -Infinity, because: 'end' }
    return commitDue(policy, { rows, bytes, oldestMs, newestMs }, this.#lastBegunMs)
  }

  async #storeNext({ because }: Due): Promise<void> {
    const { queue, policy, clock, log, stats } = this.#parts
    this.#lastBegunMs = clock.monotonicMs()
    const taken = queue.take(policy)
    log.debug({ rows: taken.length, because }, 'a batch goes')
    const done = this.#parts.taken(taken)
    stats.inFlight = taken.length
    const stored = await this.#storeUntilDone(taken)
    stats.inFlight = 0
    stats.workMs += clock.monotonicMs() - this.#lastBegunMs
    await this.#parts.stored(stored, done)
  }

  #afterwards(): void {
    this.#underWay = undefined
    this.storeWhenDue()
  }

  /** The entries that are in the store now; those of partitions that went away meanwhile are not among them. */
  async #storeUntilDone(taken: Entry<Row>[]): Promise<Entry<Row>[]> {
    const { over, claimAgain } = this.#parts
    let inDoubt = false
    for (let attempt = 1; !over.aborted; attempt++) {
      try {
        if (inDoubt) await claimAgain()
        inDoubt = false
        return await this.#storeLive(taken)
      } catch (error) {
        if (over.aborted) return []
        inDoubt = await this.#isInDoubt(error, attempt)
      }
    }
    return []
  }

  async #storeLive(taken: Entry<Row>[]): Promise<Entry<Row>[]> {
    const live = taken.filter(({ lane }) => lane.isLive)
    await this.#parts.commit.store(live)
    if (live.length < taken.length) abandonOthers(taken, live)
    return live
  }

  /** After an error: gives up what another owner has, waits when the store is away, and stops for anything else. */
  async #isInDoubt(error: unknown, attempt: number): Promise<boolean> {
    const { clock, log, stats, over, giveUp, failed } = this.#parts
    const verdict = verdictOf(error)
    if (verdict instanceof SinkFenced) giveUp(verdict)
    else if (!(verdict instanceof RetryLater)) failed(error as Error)
    else {
      stats.retries += 1
      log.warn({ code: verdict.code, attempt, reason: verdict.message }, 'nothing was stored for sure; claiming again')
      await sleepUnlessAborted(clock, backoffMs(clock, RETRY, attempt, verdict.afterMs), over)
      return true
    }
    return false
  }
}

function abandonOthers<Row>(taken: Entry<Row>[], stored: Entry<Row>[]): void {
  const kept = new Set(stored)
  for (const entry of taken) if (!kept.has(entry)) entry.span.end('abandoned')
}
