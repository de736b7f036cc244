/** Transactions of one task's producer, as the loops know them. What the broker refuses as a rival's is `task.fenced`. */
import { KafkaJSProtocolError, type Producer, type RecordMetadata, type Transaction } from './patches.ts'
import type { Clock } from '../clock.ts'
import { causesOf, reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { partitionKey } from '../loop/partition-key.ts'
import type { OpenTransaction, OutgoingRecord, Position, TransactionalProducer } from '../loop/ports.ts'
import { taskFenced } from '../loop/task-fenced.ts'
import { COMPRESSION } from './client.ts'
import { endProducer } from './end-producer.ts'
import { chunksOf, toTopicMessages } from './topic-messages.ts'

/** What a broker answers to a producer whose transactional id has a newer owner. */
const FENCED = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'])

export class KafkaTransactionalProducer implements TransactionalProducer {
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

  async begin(): Promise<OpenTransaction> {
    const transaction = await named(this.#producer.transaction())
    return {
      send: (records) => named(sendAll(transaction, records)),
      position: (position) => named(transaction.sendOffsets({ consumerGroupId: this.#groupId, topics: [toTopicOffsets(position)] })),
      commit: () => named(transaction.commit()),
      abort: () => named(transaction.abort()),
    }
  }

  async close(): Promise<void> {
    await endProducer(this.#producer, this.#clock, this.#log)
  }
}

async function sendAll(transaction: Transaction, records: OutgoingRecord[]): Promise<Position[]> {
  const next = new Map<string, Position>()
  for (const chunk of chunksOf(records, (record) => [record])) {
    const acknowledged = await transaction.sendBatch({ acks: -1, compression: COMPRESSION, topicMessages: toTopicMessages(chunk) })
    for (const position of nextOffsets(chunk, acknowledged)) next.set(partitionKey(position), position)
  }
  return [...next.values()]
}

/** Offset after each partition's last record: the broker tells the first one of each batch, whose offsets are dense. */
function nextOffsets(sent: OutgoingRecord[], acknowledged: RecordMetadata[]): Position[] {
  const counts = new Map<string, number>()
  for (const record of sent) counts.set(partitionKey(record), (counts.get(partitionKey(record)) ?? 0) + 1)
  return acknowledged.map(({ topicName: topic, partition, baseOffset }) => ({ topic, partition, offset: Number(baseOffset) + (counts.get(partitionKey({ topic, partition })) ?? 0) }))
}

function toTopicOffsets({ topic, partition, offset }: Position): { topic: string; partitions: { partition: number; offset: string }[] } {
  return { topic, partitions: [{ partition, offset: String(offset) }] }
}

/** The step's result; the broker's refusal of an old epoch by its own name. */
async function named<T>(step: Promise<T>): Promise<T> {
  try {
    return await step
  } catch (error) {
    throw isFenced(error) ? taskFenced(reasonOf(error), error) : error
  }
}

function isFenced(error: unknown): boolean {
  return causesOf(error).some((cause) => cause instanceof KafkaJSProtocolError && FENCED.has(cause.type))
}
