/**
 * What a member may believe of its partitions: they are its own when the current generation assigned them, no rebalance is
 * under way, and the coordinator took a heartbeat within half a session. The other half is for acting on that belief.
 */
import type { Clock } from '../clock.ts'
import { partitionKey } from '../loop/partition-key.ts'
import type { PartitionId } from '../loop/ports.ts'

export class Membership {
  readonly #clock: Clock
  readonly #trustMs: number
  /** Empty while the group has no settled generation that we know of. */
  #assigned = new Set<string>()
  /** By the monotonic clock. */
  #heardAtMs = -Infinity

  constructor(clock: Clock, sessionTimeoutMs: number) {
    this.#clock = clock
    this.#trustMs = sessionTimeoutMs / 2
  }

  /** The group has settled on a new generation. */
  settled(assigned: readonly PartitionId[]): void {
    this.#assigned = new Set(assigned.map(partitionKey))
  }

  /** A rebalance is under way, or we are no member any more. */
  unsettled(): void {
    this.#assigned.clear()
  }

  /**
   * The coordinator answered what was sent to it `agoMs` ago. It is then that it restarted our session, not when the
   * answer came: one that was long under way proves little.
   */
  heard(agoMs: number): void {
    this.#heardAtMs = Math.max(this.#heardAtMs, this.#clock.monotonicMs() - agoMs)
  }

  holds(id: PartitionId): boolean {
    return this.#assigned.has(partitionKey(id)) && this.#clock.monotonicMs() - this.#heardAtMs <= this.#trustMs
  }
}
