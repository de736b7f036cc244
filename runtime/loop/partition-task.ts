/**
 * One partition of a stateless stage in this process.
 *
 *   open ──close()──▶ closed      (drain: what runs may end, what waits is dropped)
 *   open ──abandon()──▶ closed    (revoked: what runs is aborted and its outcome does not count)
 *
 * It accepts records in order, runs them in key lanes, and knows the watermark up to which they are finished.
 */
import { Lanes } from './lanes.ts'
import type { PartitionId, Position, SourceRecord } from './ports.ts'
import type { RecordWork } from './record-work.ts'
import { Slots } from './slots.ts'
import { Watermark } from './watermark.ts'

/** Records and bytes that one partition may hold; the source is paused above, and resumed below half. */
export interface Bounds { records: number; bytes: number }

export interface PartitionTaskParts {
  id: PartitionId
  work: RecordWork
  inFlight: number
  order: 'per-key' | 'none'
  bounds: Bounds
  pause(): void
  resume(): void
  /** Called after each record, for the commit cadence. */
  finished(): void
}

export class PartitionTask {
  readonly id: PartitionId
  readonly #parts: PartitionTaskParts
  readonly #watermark = new Watermark()
  readonly #lanes: Lanes<SourceRecord>
  readonly #slots: Slots
  readonly #revoked = new AbortController()
  readonly #stopping = new AbortController()
  #closed = false
  #paused = false
  #heldBytes = 0
  #running = 0
  #nextOffset = -1
  #committed: number | undefined
  #idle: (() => void) | undefined

  constructor(parts: PartitionTaskParts) {
    this.id = parts.id
    this.#parts = parts
    this.#slots = new Slots(parts.inFlight)
    this.#lanes = new Lanes((record) => this.#run(record))
  }

  /** Offset after the last accepted record; undefined before the first. */
  get nextOffset(): number | undefined {
    return this.#nextOffset < 0 ? undefined : this.#nextOffset
  }

  get waiting(): number {
    return this.#watermark.unfinished
  }

  accept(records: SourceRecord[]): void {
    if (this.#closed) return
    for (const record of records) this.#acceptOne(record)
    if (!this.#paused && this.#isFull()) {
      this.#paused = true
      this.#parts.pause()
    }
  }

  /** What may be committed now, if it is more than was committed last. */
  due(): Position | undefined {
    const offset = this.#watermark.position
    return offset === undefined || offset === this.#committed ? undefined : { ...this.id, offset }
  }

  markCommitted(offset: number): void {
    this.#committed = offset
  }

  /** Takes nothing more and starts nothing that waits; resolves when what runs has ended. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stopping.abort()
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
  }

  /** Aborts what runs. Its records will be delivered to the next owner. */
  abandon(): void {
    this.#closed = true
    this.#revoked.abort(new Error('the partition was taken away'))
    this.#stopping.abort()
  }

  #acceptOne(record: SourceRecord): void {
    // After a rejoin the source reads again from the committed offset; what is in flight here is not started twice.
    if (record.offset < this.#nextOffset) return
    this.#nextOffset = record.offset + 1
    this.#heldBytes += heldBytesOf(record)
    this.#watermark.accept(record.offset)
    const ordered = this.#parts.order === 'per-key' && record.key !== null
    this.#lanes.add(ordered ? record.key!.toString('latin1') : null, record)
  }

  async #run(record: SourceRecord): Promise<void> {
    if (this.#closed) return
    this.#running += 1
    const outcome = await this.#parts.work.run(record, this.#slots, { revoked: this.#revoked.signal, stopping: this.#stopping.signal })
    this.#running -= 1
    this.#heldBytes -= heldBytesOf(record)
    if (outcome === 'finished') this.#finish(record.offset)
    if (this.#running === 0) this.#idle?.()
  }

  #finish(offset: number): void {
    this.#watermark.finish(offset)
    if (this.#paused && !this.#closed && this.#isHalfEmpty()) {
      this.#paused = false
      this.#parts.resume()
    }
    this.#parts.finished()
  }

  /** The span counts too: one slow head must not let finished records behind it pile up without end. */
  #isFull(): boolean {
    return this.#watermark.span >= this.#parts.bounds.records || this.#heldBytes >= this.#parts.bounds.bytes
  }

  #isHalfEmpty(): boolean {
    return this.#watermark.span <= this.#parts.bounds.records / 2 && this.#heldBytes <= this.#parts.bounds.bytes / 2
  }
}

function heldBytesOf({ size }: SourceRecord): number {
  return size + 100
}
