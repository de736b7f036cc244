/**
 * Replaces kafkajs's `Batch`: what a fetch brought of one partition. Theirs goes on after the last *record*, so behind a
 * tail that compaction removed the position advances by one offset a fetch, and a batch that lost all its records is
 * never passed. Here it goes on after the last batch, as Java's does (CompletedFetch.nextFetchedRecord).
 */
import { filterAborted, type AbortedTransaction } from './aborted-records.ts'
import { replaceKafkajsModule } from './kafkajs-modules.ts'
import type { FetchedRecord } from './fetched-record.ts'
import type { RecordSet } from './record-set.ts'

export interface FetchedPartition {
  partition: number
  highWatermark: string
  abortedTransactions?: AbortedTransaction[] | null
  messages: RecordSet
}

export class FetchedBatch {
  readonly topic: string
  readonly partition: number
  readonly fetchedOffset: string
  readonly highWatermark: string
  /** What a consumer is given: neither control records nor those of aborted transactions. */
  readonly messages: FetchedRecord[]
  /** The same with control and aborted records. */
  readonly #all: FetchedRecord[]
  readonly #next: number

  constructor(topic: string, fetchedOffset: string, { partition, highWatermark, abortedTransactions, messages: { place, records, nextOffset } }: FetchedPartition) {
    Object.assign(place, { topic, partition })
    this.topic = topic
    this.partition = partition
    this.fetchedOffset = fetchedOffset
    this.highWatermark = highWatermark
    this.#next = nextOffset ?? Number(fetchedOffset)
    this.#all = fromOffset(records, Number(fetchedOffset))
    this.messages = filterAborted({ messages: this.#all, abortedTransactions: abortedTransactions ?? null }).filter(({ batch }) => !batch.isControl)
  }

  /** Where reading goes on. */
  get nextOffset(): number {
    return this.#next
  }

  isEmpty(): boolean {
    return this.messages.length === 0
  }

  isEmptyIncludingFiltered(): boolean {
    return this.#all.length === 0
  }

  /** Something was fetched, and none of it is for a consumer: the position moves all the same. */
  isEmptyDueToFiltering(): boolean {
    return this.isEmpty() && this.#next > Number(this.fetchedOffset)
  }

  firstOffset(): string | null {
    return this.#all.length === 0 ? null : String(this.#all[0]!.offset)
  }

  lastOffset(): string {
    return String(this.#next > Number(this.fetchedOffset) ? this.#next - 1 : Number(this.highWatermark) - 1)
  }

  offsetLag(): string {
    return String(Number(this.highWatermark) - 1 - Number(this.lastOffset()))
  }

  offsetLagLow(): string {
    return String(this.#all.length === 0 ? 0 : Number(this.highWatermark) - 1 - Number(this.firstOffset()))
  }
}

/** A batch is fetched whole, so its first records may lie before the offset that was asked for. */
function fromOffset(records: FetchedRecord[], offset: number): FetchedRecord[] {
  const first = records.findIndex((record) => record.offset >= offset)
  return first === 0 ? records : first < 0 ? [] : records.slice(first)
}

replaceKafkajsModule('consumer/batch', FetchedBatch)
