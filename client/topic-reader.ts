/**
 * Reads topics from a point in time on, in a throwaway group: kafkajs cannot read without one. The group commits
 * nothing; after a rebalance the reader goes on where it was by itself.
 */
import { randomUUID } from 'node:crypto'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import { recordsOf } from '#runtime/kafka/fetched-records.ts'
import { endOffsets } from '#runtime/kafka/offsets.ts'
import type { Consumer, EachBatchPayload } from '#runtime/kafka/patches.ts'

export interface TopicReaderOptions {
  topics: readonly string[]
  /** Records with this time or later are read, Unix milliseconds; some older ones too. */
  fromMs: number
  onRecord(record: { topic: string; value: Buffer | null; timestampMs: number }): void | Promise<void>
  /** The reader has ended by itself and reads no more. */
  onFailed(error: Error): void
}

export class TopicReader {
  readonly #connection: KafkaConnection
  readonly #options: TopicReaderOptions
  readonly #groupId = `sluice-reader.${randomUUID()}`
  readonly #consumer: Consumer
  /** Next offset by `topic/partition`. */
  readonly #next = new Map<string, number>()

  private constructor(connection: KafkaConnection, options: TopicReaderOptions) {
    this.#connection = connection
    this.#options = options
    this.#consumer = connection.kafka.consumer({
      groupId: this.#groupId, maxWaitTimeInMs: 500, allowAutoTopicCreation: false, sessionTimeout: 30_000, heartbeatInterval: 5_000,
    })
  }

  /** Resolves when the reader has its partitions. */
  static async open(connection: KafkaConnection, options: TopicReaderOptions): Promise<TopicReader> {
    const reader = new TopicReader(connection, options)
    try {
      await reader.#start()
      return reader
    } catch (error) {
      await reader.close()
      throw error
    }
  }

  /** Reads again from this time on; what lies between is seen twice. */
  async rewind(fromMs: number): Promise<void> {
    await this.#lowerTo(fromMs)
    this.#seekAll()
  }

  async close(): Promise<void> {
    await this.#consumer.disconnect().catch(() => {})
    // The broker forgets an empty group by itself after some days, so this is tidiness only.
    await this.#connection.admin.deleteGroups([this.#groupId]).catch(() => {})
  }

  async #start(): Promise<void> {
    await this.#lowerTo(this.#options.fromMs)
    this.#consumer.on('consumer.group_join', () => this.#seekAll())
    this.#consumer.on('consumer.crash', ({ payload }) => {
      if (!payload.restart) this.#options.onFailed(payload.error)
    })
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: false })
    await this.#consumer.run({ autoCommit: false, partitionsConsumedConcurrently: 16, eachBatch: (payload) => this.#read(payload) })
  }

  /**
   * The end is asked for first: a partition without a record of that time answers with its end, and a record that is
   * written between the two answers would be skipped.
   */
  async #lowerTo(fromMs: number): Promise<void> {
    for (const topic of this.#options.topics) {
      const ends = await endOffsets(this.#connection.admin, [{ topic, partition: 0 }])
      for (const { partition, offset } of await this.#connection.admin.fetchTopicOffsetsByTimestamp(topic, fromMs)) {
        const id = `${topic}/${partition}`
        this.#next.set(id, Math.min(Number(offset), ends.get(id) ?? 0, this.#next.get(id) ?? Infinity))
      }
    }
  }

  #seekAll(): void {
    for (const [id, offset] of this.#next) {
      const [topic, partition] = id.split('/') as [string, string]
      this.#consumer.seek({ topic, partition: Number(partition), offset: String(offset) })
    }
  }

  async #read({ batch, isStale, heartbeat }: EachBatchPayload): Promise<void> {
    for (const { value, offset, timestampMs } of recordsOf(batch)) {
      if (isStale()) return
      await this.#options.onRecord({ topic: batch.topic, value, timestampMs })
      if (isStale()) return
      this.#next.set(`${batch.topic}/${batch.partition}`, offset + 1)
    }
    await heartbeat()
  }
}
