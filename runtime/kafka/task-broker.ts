/** The broker as the stateful stages' procedures need it, for the tasks of one consumer group. */
import type { Producer } from './patches.ts'
import type { Clock } from '../clock.ts'
import { RetryLater, reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { backoffMs } from '../loop/backoff.ts'
import { partitionKey } from '../loop/partition-key.ts'
import type { PartitionId, SourceRecord, TaskBroker, TransactionalProducer } from '../loop/ports.ts'
import { readChangelog } from './changelog-reader.ts'
import type { KafkaConnection } from './client.ts'
import { committedPositions, earliestOffsets } from './offsets.ts'
import { KafkaTransactionalProducer } from './transactions.ts'

export interface TaskBrokerSettings {
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

const ASK_ATTEMPTS = 8
const ASK_RETRY = { firstDelayMs: 50, maxDelayMs: 1_000 }

export class KafkaTaskBroker implements TaskBroker {
  readonly #connection: KafkaConnection
  readonly #settings: TaskBrokerSettings
  readonly #clock: Clock
  readonly #log: Log

  constructor(connection: KafkaConnection, settings: TaskBrokerSettings, clock: Clock, log: Log) {
    this.#connection = connection
    this.#settings = settings
    this.#clock = clock
    this.#log = log
  }

  async openProducer(id: PartitionId): Promise<TransactionalProducer> {
    const producer = this.#producer(`${this.#settings.groupId}.${id.topic}.${id.partition}`)
    try {
      await producer.connect()
    } catch (error) {
      throw new RetryLater('kafka.unreachable', reasonOf(error), { cause: error })
    }
    return new KafkaTransactionalProducer(producer, this.#settings.groupId, this.#clock, this.#log)
  }

  async committed(id: PartitionId): Promise<number | undefined> {
    const [committed] = await this.#answered(() => committedPositions(this.#connection.admin, this.#settings.groupId, [id]))
    return committed?.offset
  }

  async oldest(id: PartitionId): Promise<number> {
    return (await this.#answered(() => earliestOffsets(this.#connection.admin, [id]))).get(partitionKey(id)) ?? 0
  }

  /** A coordinator that has just started is still loading its groups (GROUP_LOAD_IN_PROGRESS), and kafkajs does not ask again. */
  async #answered<T>(ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask()
      } catch (error) {
        if (attempt === ASK_ATTEMPTS) throw new RetryLater('kafka.unreachable', reasonOf(error), { cause: error })
        await this.#clock.sleep(backoffMs(this.#clock, ASK_RETRY, attempt))
      }
    }
  }

  async readChangelog(partition: number, from: number, take: (records: SourceRecord[]) => Promise<boolean> | boolean, signal: AbortSignal): Promise<void> {
    const id = { topic: this.#settings.changelog, partition }
    await readChangelog({ kafka: this.#connection.kafka, id, from, take, clock: this.#clock, signal })
  }

  #producer(transactionalId: string): Producer {
    return this.#connection.kafka.producer({
      transactionalId, transactionTimeout: TRANSACTION_TIMEOUT_MS, idempotent: true, maxInFlightRequests: 1,
      allowAutoTopicCreation: false, retry: TRANSACTION_RETRY,
    })
  }
}
