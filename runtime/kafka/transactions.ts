/**
 * Transactions of one owner. Any failure leaves the outcome in doubt: kafkajs cannot go on with a producer whose EndTxn
 * failed, and a delayed EndTxn might end a later transaction of the same epoch. So the caller throws this away and
 * takes the partition over again, with a new epoch.
 */
import type { Producer, Transaction } from './patches.ts'
import { within, type Clock } from '../clock.ts'
import { RetryLater, reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { OutgoingRecord, Position, TransactionalOutbox } from '../loop/ports.ts'
import { COMPRESSION } from './client.ts'
import { endProducer } from './end-producer.ts'
import { chunksOf, toTopicMessages } from './topic-messages.ts'

/** Shorter than the broker's transaction timeout, so that we give up before the broker does. */
const DEADLINE_MS = 15_000

export class KafkaTransactions implements TransactionalOutbox {
  readonly #producer: Producer
  readonly #groupId: string
  readonly #clock: Clock
  readonly #log: Log

  constructor(producer: Producer, groupId: string, clock: Clock, log: Log) {
    this.#producer = producer
    this.#groupId = groupId
    this.#clock = clock
    this.#log = log
  }

  async commit({ records, position }: { records: OutgoingRecord[]; position: Position }): Promise<void> {
    await this.#inTransaction(async (transaction) => {
      await sendAll(transaction, records)
      await transaction.sendOffsets({ consumerGroupId: this.#groupId, topics: [toTopicOffsets(position)] })
    })
  }

  /** Records alone, without a position. */
  async write(records: OutgoingRecord[]): Promise<void> {
    await this.#inTransaction((transaction) => sendAll(transaction, records))
  }

  async close(): Promise<void> {
    await endProducer(this.#producer, this.#clock, this.#log)
  }

  async #inTransaction(work: (transaction: Transaction) => Promise<void>): Promise<void> {
    try {
      await within(this.#clock, DEADLINE_MS, this.#run(work), () => {
        throw new Error(`the transaction took longer than ${DEADLINE_MS} ms`)
      })
    } catch (error) {
      throw new RetryLater('kafka.transaction-in-doubt', reasonOf(error), { cause: error })
    }
  }

  async #run(work: (transaction: Transaction) => Promise<void>): Promise<void> {
    const transaction = await this.#producer.transaction()
    await work(transaction)
    await transaction.commit()
  }
}

async function sendAll(transaction: Transaction, records: OutgoingRecord[]): Promise<void> {
  for (const chunk of chunksOf(records, (record) => [record])) {
    await transaction.sendBatch({ acks: -1, compression: COMPRESSION, topicMessages: toTopicMessages(chunk) })
  }
}

function toTopicOffsets({ topic, partition, offset }: Position): { topic: string; partitions: { partition: number; offset: string }[] } {
  return { topic, partitions: [{ partition, offset: String(offset) }] }
}
