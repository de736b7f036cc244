/**
 * Takes a stateful stage's partition over. The steps are those of DESIGN.md, "Take-over":
 *   1. a new producer with the task's transactional id: the broker ends what the previous owner left open and refuses
 *      it from now on
 *   2. a barrier record in the changelog, committed in a first transaction: proves that we may write, and marks the
 *      point up to which the state must be read
 *   3. the committed position, read only now: no pending one can exist any more (KIP-447; Kafka 4.0 or newer)
 *   4. the changelog, read committed, up to our own barrier
 */
import { randomUUID } from 'node:crypto'
import type { Kafka, Producer } from './patches.ts'
import type { Clock } from '../clock.ts'
import { RetryLater, reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { partitionKey } from '../loop/partition-key.ts'
import type { Ownership, PartitionId, SourceRecord, Takeover } from '../loop/ports.ts'
import { BARRIER_KEY, readChangelog } from './changelog-reader.ts'
import type { KafkaConnection } from './client.ts'
import { committedPositions, earliestOffsets } from './offsets.ts'
import { KafkaTransactions } from './transactions.ts'

export interface OwnershipSettings {
  groupId: string
  changelog: string
}

/** The broker ends a transaction that is open for longer; it also holds back readers of every output partition. */
const TRANSACTION_TIMEOUT_MS = 20_000

/**
 * kafkajs waits its initial retry time when the broker answers CONCURRENT_TRANSACTIONS, which it does for a few
 * milliseconds after each commit: 300 ms by default, and so 16 transactions a second.
 */
const TRANSACTION_RETRY = { initialRetryTime: 5, maxRetryTime: 100, retries: 20 }

export class KafkaOwnership implements Ownership {
  readonly #connection: KafkaConnection
  readonly #settings: OwnershipSettings
  readonly #clock: Clock
  readonly #log: Log

  constructor(connection: KafkaConnection, settings: OwnershipSettings, clock: Clock, log: Log) {
    this.#connection = connection
    this.#settings = settings
    this.#clock = clock
    this.#log = log
  }

  async takeOver(id: PartitionId, restore: (record: SourceRecord) => void | Promise<void>, signal: AbortSignal): Promise<Takeover> {
    const { groupId, changelog } = this.#settings
    const outbox = new KafkaTransactions(await this.#openProducer(this.#connection.kafka, id), groupId, this.#clock, this.#log)
    try {
      const barrier = await this.#writeBarrier(outbox, id)
      const position = await this.#positionOf(id)
      const restored = await readChangelog(this.#connection, { topic: changelog, partition: id.partition, groupId }, barrier, restore, signal)
      this.#log.info({ partition: id.partition, position, restored }, 'took the partition over')
      return { outbox, position }
    } catch (error) {
      await outbox.close()
      throw error
    }
  }

  async #openProducer(kafka: Kafka, id: PartitionId): Promise<Producer> {
    const producer = kafka.producer({
      transactionalId: `${this.#settings.groupId}.${id.topic}.${id.partition}`,
      transactionTimeout: TRANSACTION_TIMEOUT_MS,
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: TRANSACTION_RETRY,
    })
    try {
      await producer.connect()
    } catch (error) {
      throw new RetryLater('kafka.unreachable', reasonOf(error), { cause: error })
    }
    return producer
  }

  async #writeBarrier(outbox: KafkaTransactions, id: PartitionId): Promise<string> {
    const barrier = randomUUID()
    await outbox.write([{
      topic: this.#settings.changelog, partition: id.partition, key: Buffer.from(BARRIER_KEY), value: Buffer.from(barrier),
      headers: {}, timestampMs: this.#clock.now(),
    }])
    return barrier
  }

  /** The committed position, or the oldest record that the broker has. */
  async #positionOf(id: PartitionId): Promise<number> {
    const { admin } = this.#connection
    const [committed] = await committedPositions(admin, this.#settings.groupId, [id])
    return committed?.offset ?? (await earliestOffsets(admin, [id])).get(partitionKey(id)) ?? 0
  }
}
