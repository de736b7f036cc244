/**
 * One partition as a Kafka broker keeps it: batches of idempotent and transactional producers, control markers that take
 * an offset each, the last stable offset, and the index of aborted transactions in the order in which they ENDED, as
 * `TransactionIndex.java` appends and lists them.
 */
import type { OutgoingRecord, PartitionId, SourceRecord } from '#runtime/loop/ports.ts'
import { asRead } from '#runtime/memory/memory-log.ts'
import { BrokerError } from './broker-error.ts'

export interface Batch {
  baseOffset: number
  /** 0 for none. */
  producerId: number
  inTransaction: boolean
  marker: 'commit' | 'abort' | undefined
  /** What became of it; known here from the moment at which the coordinator decided. Readers do not look at it. */
  outcome: 'plain' | 'open' | 'committed' | 'aborted'
}

export interface Entry { record: SourceRecord; batch: Batch }

export interface Fetched {
  entries: Entry[]
  aborted: { producerId: string; firstOffset: string }[]
  /** Where to go on. */
  next: number
}

interface AbortedRange { producerId: number; firstOffset: number; lastOffset: number }

/** Control records: version 0; type 0 abort, 1 commit (KIP-98). */
const MARKER_KEYS = { abort: Buffer.from([0, 0, 0, 0]), commit: Buffer.from([0, 0, 0, 1]) }

export class PartitionLog {
  readonly id: PartitionId
  readonly entries: Entry[] = []
  readonly #aborted: AbortedRange[] = []
  readonly #open = new Map<number, { firstOffset: number; batches: Batch[] }>()
  readonly #epochs = new Map<number, number>()
  readonly #watchers = new Set<() => void>()

  constructor(id: PartitionId) {
    this.id = id
  }

  get end(): number {
    return this.entries.length
  }

  /** Readers of committed records come up to here. */
  get lastStable(): number {
    let offset = this.end
    for (const { firstOffset } of this.#open.values()) offset = Math.min(offset, firstOffset)
    return offset
  }

  /** Transactions open at the moment. */
  get open(): number {
    return this.#open.size
  }

  append(records: OutgoingRecord[]): number {
    const base = this.#append(records, { producerId: 0, inTransaction: false, marker: undefined, outcome: 'plain' })
    this.#changed()
    return base
  }

  /** @throws BrokerError INVALID_PRODUCER_EPOCH when a newer epoch of the producer was seen */
  appendInTransaction(records: OutgoingRecord[], producerId: number, epoch: number): number {
    this.checkEpoch(producerId, epoch)
    const open = this.#open.get(producerId) ?? { firstOffset: this.end, batches: [] }
    this.#open.set(producerId, open)
    const batch: Omit<Batch, 'baseOffset'> = { producerId, inTransaction: true, marker: undefined, outcome: 'open' }
    const base = this.#append(records, batch)
    open.batches.push(this.entries[base]!.batch)
    return base
  }

  checkEpoch(producerId: number, epoch: number): void {
    const newest = this.#epochs.get(producerId) ?? 0
    if (epoch < newest) throw new BrokerError('INVALID_PRODUCER_EPOCH')
    this.#epochs.set(producerId, epoch)
  }

  /** The coordinator has decided; readers learn it by the marker. */
  decide(producerId: number, outcome: 'committed' | 'aborted'): void {
    for (const batch of this.#open.get(producerId)?.batches ?? []) batch.outcome = outcome
  }

  /** The number of other aborted transactions that overlapped with the one that ends here. */
  mark(producerId: number, epoch: number, marker: 'commit' | 'abort', timestampMs: number): number {
    this.#epochs.set(producerId, epoch)
    const open = this.#open.get(producerId)
    this.#open.delete(producerId)
    const record = { ...this.id, key: MARKER_KEYS[marker], value: Buffer.alloc(6), headers: {}, timestampMs }
    const lastOffset = this.#append([record], { producerId, inTransaction: true, marker, outcome: 'plain' })
    let overlaps = 0
    if (open && marker === 'abort') {
      overlaps = this.#aborted.filter((other) => other.lastOffset > open.firstOffset).length
      this.#aborted.push({ producerId, firstOffset: open.firstOffset, lastOffset })
    }
    this.#changed()
    return overlaps
  }

  /** Whole batches from the one that holds `offset` on, about `limit` records, never beyond the last stable offset. */
  fetch(offset: number, limit: number): Fetched {
    const stable = this.lastStable
    if (offset >= stable) return { entries: [], aborted: [], next: offset }
    const from = this.entries[offset]!.batch.baseOffset
    let to = Math.min(stable, from + limit)
    while (to < stable && this.entries[to]!.batch === this.entries[to - 1]!.batch) to += 1
    const aborted = this.#aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= offset && firstOffset < to)
    return {
      entries: this.entries.slice(from, to), next: to,
      aborted: aborted.map(({ producerId, firstOffset }) => ({ producerId: String(producerId), firstOffset: String(firstOffset) })),
    }
  }

  /** Every record that counts, by what the coordinator decided and not by any reader's filter. */
  committedRecords(from = 0): SourceRecord[] {
    const records: SourceRecord[] = []
    for (let offset = from; offset < this.entries.length; offset++) {
      const { record, batch } = this.entries[offset]!
      if (!batch.marker && (batch.outcome === 'plain' || batch.outcome === 'committed')) records.push(record)
    }
    return records
  }

  /** Calls `watcher` whenever more can be read, until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  #append(records: OutgoingRecord[], shape: Omit<Batch, 'baseOffset'>): number {
    const batch: Batch = { baseOffset: this.end, ...shape }
    for (const record of records) this.entries.push({ record: asRead(record, this.end), batch })
    return batch.baseOffset
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }
}
