/**
 * One partition of a sink in this process, for one assignment.
 *
 *   live ──lose()──▶ lost     another owner has claimed it; it waits for the next assignment
 *     └──leave()──▶ gone ◀──leave()── lost     revoked, or assigned anew, which makes a new lane
 *
 * Nothing of a lane that is not live is committed from then on; what is in a commit already may still come through,
 * since the store's own fence decides that.
 */
import type { PartitionId, Progress, SourceRecord } from './ports.ts'

export type LaneState = 'live' | 'lost' | 'gone'

const NEXT: Record<LaneState, LaneState[]> = { live: ['lost', 'gone'], lost: ['gone'], gone: [] }

export class SinkLane {
  readonly id: PartitionId
  #state: LaneState = 'live'
  #arriving: SourceRecord[] = []
  #taking = false
  #nextArrival = -1
  #stored: number

  /** `stored`: the store's next offset; what lies below it is there already. */
  constructor(id: PartitionId, stored: number) {
    this.id = { topic: id.topic, partition: id.partition }
    this.#stored = stored
  }

  get isLive(): boolean {
    return this.#state === 'live'
  }

  /** The store's next offset. */
  get stored(): number {
    return this.#stored
  }

  /** Records that were delivered and not decoded yet, and their bytes. */
  get arriving(): { records: number; bytes: number } {
    return { records: this.#arriving.length, bytes: this.#arriving.reduce((sum, { size }) => sum + size, 0) }
  }

  moveStored(offset: number): void {
    this.#stored = offset
  }

  /** The progress of a commit up to and with `lastOffset`; what was skipped before it counts as done. */
  progressTo(lastOffset: number): Progress {
    return { ...this.id, from: this.#stored, to: lastOffset + 1 }
  }

  lose(): void {
    this.#become('lost')
  }

  leave(): void {
    this.#become('gone')
  }

  /** Hands records over, in order and one at a time, to `each`; a record that waits holds back its own lane only. */
  async arrive(records: SourceRecord[], each: (record: SourceRecord) => Promise<void> | void): Promise<void> {
    for (const record of records) this.#await(record)
    if (this.#taking) return
    this.#taking = true
    try {
      // No await without need: the usual record is decoded at once, and a promise for each would cost as much.
      for (let at = 0; this.isLive && at < this.#arriving.length; at++) {
        const pending = each(this.#arriving[at]!)
        if (pending) await pending
      }
    } finally {
      this.#taking = false
      this.#arriving = []
    }
  }

  #await(record: SourceRecord): void {
    // A source that was set back delivers again what is under way here.
    if (!this.isLive || record.offset < this.#nextArrival) return
    this.#nextArrival = record.offset + 1
    this.#arriving.push(record)
  }

  #become(state: LaneState): void {
    if (!NEXT[this.#state].includes(state)) throw new Error(`sink lane ${this.id.topic}/${this.id.partition}: ${this.#state} cannot become ${state} [L1]`)
    this.#state = state
    if (!this.#taking) this.#arriving = []
  }
}
