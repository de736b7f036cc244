/** What a sink has taken in and not stored yet: in order of arrival, bounded by those who look at its size. */
import type { RecordSpan } from '../telemetry/tracing.ts'
import type { Failure, SourceRecord } from './ports.ts'
import type { SinkLane } from './sink-lane.ts'

/** A record on its way into the store: it will be a row or a failure, exactly one of them (I6). */
export interface Entry<Row> {
  readonly lane: SinkLane
  readonly record: SourceRecord
  readonly span: RecordSpan
  /** The row, unless the record is a failure. */
  readonly row: Row | undefined
  failure: Failure | undefined
  /** Whether the failure is the sink's own verdict, which needs a dead letter; false for those told by other stages. */
  needsLetter: boolean
  /** In this process: the original bytes stay until the record is stored, since a dead letter would need them. */
  readonly heldBytes: number
  /** Monotonic milliseconds. */
  readonly arrivedMs: number
}

export class SinkQueue<Row> {
  #entries: Entry<Row>[] = []
  #heldBytes = 0

  get length(): number {
    return this.#entries.length
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Monotonic milliseconds at which the oldest entry came; undefined when empty. */
  get oldestMs(): number | undefined {
    return this.#entries[0]?.arrivedMs
  }

  /** When the newest one came; -Infinity when empty. */
  get newestMs(): number {
    return this.#entries.at(-1)?.arrivedMs ?? -Infinity
  }

  push(entry: Entry<Row>): void {
    this.#entries.push(entry)
    this.#heldBytes += entry.heldBytes
  }

  /** The oldest entries up to the bounds, at least one. */
  take(bounds: { maxRows: number; maxBytes: number }): Entry<Row>[] {
    let count = 0
    let bytes = 0
    while (count < this.#entries.length && count < bounds.maxRows && (count === 0 || bytes < bounds.maxBytes)) {
      bytes += this.#entries[count]!.heldBytes
      count += 1
    }
    const taken = this.#entries.slice(0, count)
    this.#entries = this.#entries.slice(count)
    this.#heldBytes -= bytes
    return taken
  }

  /** Forgets what came by a lane. */
  drop(lane: SinkLane): void {
    for (const { span } of this.#entries.filter((entry) => entry.lane === lane)) span.end('abandoned')
    this.#entries = this.#entries.filter((entry) => entry.lane !== lane)
    this.#heldBytes = this.#entries.reduce((sum, { heldBytes }) => sum + heldBytes, 0)
  }
}
