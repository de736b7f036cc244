/**
 * Which partitions are a sink's own in this process. Kafka assigns, but the store decides: a partition is ours from a claim
 * of ours to the next claim of anybody.
 */
import { sleepUnlessAborted, type Clock } from '../clock.ts'
import { reasonOf, RetryLater, verdictOf } from '../errors.ts'
import type { Failpoint } from '../failpoints.ts'
import type { Log } from '../log.ts'
import { backoffMs } from './backoff.ts'
import { partitionKey } from './partition-key.ts'
import type { PartitionId, Position, SinkStore, Source } from './ports.ts'
import type { SinkFenced } from './sink-fenced.ts'
import { SinkLane } from './sink-lane.ts'

/** While the database is away. */
const RETRY = { firstDelayMs: 100, maxDelayMs: 10_000 }

/**
 * A partition that another owner claimed is claimed again after this long, if it is still assigned to us. Longer than
 * a session: a member that Kafka has put out has learned of it by then, so two live members never take turns.
 */
const RECLAIM_MS = 30_000

export interface SinkOwnershipParts {
  source: Pick<Source, 'committed' | 'pause' | 'resume' | 'seek'>
  store: Pick<SinkStore<unknown>, 'claim'>
  clock: Clock
  log: Log
  at?: Failpoint | undefined
  /** Aborted when no more time is given. */
  over: AbortSignal
  /** Nothing that came by this lane counts any more. */
  gone(lane: SinkLane): void
  failed(error: Error): void
}

export class SinkOwnership {
  readonly #parts: SinkOwnershipParts
  readonly #lanes = new Map<string, SinkLane>()
  /** The newest claim of each partition that is ours or about to be. */
  readonly #claims = new Map<string, symbol>()
  #ending = false

  constructor(parts: SinkOwnershipParts) {
    this.#parts = parts
  }

  get lanes(): SinkLane[] {
    return [...this.#lanes.values()]
  }

  laneOf(id: PartitionId): SinkLane | undefined {
    return this.#lanes.get(partitionKey(id))
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
  }

  /** The answer tells whether a commit in doubt had happened: then its records lie below the store's offset. */
  async claimAgain(): Promise<void> {
    const live = this.lanes.filter(({ isLive }) => isLive)
    const positions = await this.#parts.store.claim(live.map(({ id }) => id))
    for (const lane of live) this.#settleAt(lane, offsetIn(positions, lane.id) ?? 0)
  }

  /** What another owner has claimed is left to it. */
  giveUp(fenced: SinkFenced): void {
    this.#parts.log.warn({ reason: fenced.message }, fenced.remedy)
    for (const id of fenced.partitions) {
      const lane = this.laneOf(id)
      if (lane?.isLive) this.#lose(lane)
    }
  }

  /** Nothing is claimed back from here on. */
  end(): void {
    this.#ending = true
  }

  async #claim(partitions: PartitionId[]): Promise<Position[]> {
    const { store, clock, log, at, over } = this.#parts
    for (let attempt = 1; ; attempt++) {
      try {
        await at?.('before-claim')
        const positions = await store.claim(partitions)
        await at?.('after-claim')
        return positions
      } catch (error) {
        if (!(verdictOf(error) instanceof RetryLater) || over.aborted) throw error
        log.warn({ attempt, reason: reasonOf(error) }, 'partitions were not claimed; trying again')
        await sleepUnlessAborted(clock, backoffMs(clock, RETRY, attempt), over)
      }
    }
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

  #open(id: PartitionId, stored: number): SinkLane {
    const lane = new SinkLane(id, stored)
    this.#lanes.set(partitionKey(id), lane)
    return lane
  }

  #close(id: PartitionId): void {
    const lane = this.laneOf(id)
    if (!lane) return
    lane.leave()
    this.#lanes.delete(partitionKey(id))
    this.#parts.gone(lane)
  }

  #lose(lane: SinkLane): void {
    lane.lose()
    this.#parts.gone(lane)
    this.#parts.source.pause([lane.id])
    const { clock, over } = this.#parts
    const cancel = clock.after(RECLAIM_MS, () => {
      over.removeEventListener('abort', cancel)
      void this.#regain(lane)
    })
    over.addEventListener('abort', cancel)
  }

  async #regain(lost: SinkLane): Promise<void> {
    if (this.#ending || this.laneOf(lost.id) !== lost) return
    try {
      const [start] = await this.assigned([lost.id])
      const lane = this.laneOf(lost.id)
      if (!lane) return
      this.#parts.source.seek(start ?? { ...lane.id, offset: lane.stored })
      this.#parts.source.resume([lane.id])
    } catch (error) {
      this.#parts.failed(error as Error)
    }
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

function offsetIn(positions: Position[], id: PartitionId): number | undefined {
  return positions.find(({ topic, partition }) => topic === id.topic && partition === id.partition)?.offset
}
