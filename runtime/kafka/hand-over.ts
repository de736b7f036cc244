/**
 * Between kafkajs and a source's listener: what was fetched is handed over one partition at a time, with a turn of the event
 * loop between two, and kafkajs fetches on meanwhile. So broker, decompression and listener are at work at the same time.
 */
import { setImmediate as otherWork } from 'node:timers/promises'
import { partitionKey } from '../loop/partition-key.ts'
import type { PartitionId, SourceListener, SourceRecord } from '../loop/ports.ts'

export class HandOver {
  readonly #listener: Pick<SourceListener, 'records' | 'failed'>
  #ready: { id: PartitionId; records: SourceRecord[] }[] = []
  #isUnderWay = false

  constructor(listener: Pick<SourceListener, 'records' | 'failed'>) {
    this.#listener = listener
  }

  /** Resolves when at most so many wait. */
  async room(most: number): Promise<void> {
    while (this.#ready.length > most) await otherWork()
  }

  push(id: PartitionId, records: SourceRecord[]): void {
    this.#ready.push({ id, records })
    if (!this.#isUnderWay) void this.#handOver().catch((error: unknown) => this.#listener.failed(error as Error))
  }

  /** Forgets what was not handed over yet: of one partition, or of all. */
  drop(dropped?: PartitionId): void {
    this.#ready = dropped ? this.#ready.filter(({ id }) => partitionKey(id) !== partitionKey(dropped)) : []
  }

  async #handOver(): Promise<void> {
    this.#isUnderWay = true
    try {
      while (this.#ready.length > 0) {
        await otherWork()
        const next = this.#ready.shift()
        if (next) this.#listener.records(next.id, next.records)
      }
    } finally {
      this.#isUnderWay = false
    }
  }
}
