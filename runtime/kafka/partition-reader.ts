/**
 * Reads one partition from any offset on, without a group: what kafkajs's consumer cannot do (tulios/kafkajs#373), by the
 * parts that it is made of. There is no join to wait for, nothing to commit, and nothing that stays at the broker.
 */
import type { AbortedTransaction } from './repairs/aborted-records.ts'
import { FetchedBatch, type FetchedPartition } from './repairs/fetched-batch.ts'
import type { PartitionId } from '../loop/ports.ts'
import type { Kafka } from './patches.ts'
import type { FetchedRecord } from './repairs/fetched-record.ts'

/** kafkajs's constant for read_committed. */
const READ_COMMITTED = 1

/** A fetch is decoded in one go, and 1 MiB takes some 20 ms of the event loop; more is hardly faster. */
const MAX_BYTES = 1 << 20

interface FetchAnswer extends FetchedPartition {
  lastStableOffset: string
  abortedTransactions: AbortedTransaction[] | null
}

interface Broker {
  fetch(request: {
    isolationLevel: number
    maxWaitTime: number
    minBytes: number
    maxBytes: number
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[]
  }): Promise<{ responses: { partitions: FetchAnswer[] }[] }>
}

interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>
  findBroker(options: { nodeId: string }): Promise<Broker>
  fetchTopicsOffset(topics: { topic: string; fromBeginning: boolean; partitions: { partition: number }[] }[]): Promise<{ partitions: { offset: string }[] }[]>
}

/** Committed records in order of offset, and where reading goes on. */
export interface Fetched {
  records: FetchedRecord[]
  next: number
  /** Whether more lies there already. */
  hasMore: boolean
}

export class PartitionReader {
  readonly #id: PartitionId
  readonly #cluster: Cluster
  #leader: Broker | undefined

  constructor(kafka: Kafka, id: PartitionId) {
    this.#id = id
    this.#cluster = createCluster(kafka)
  }

  /** Waits `maxWaitMs` at most for a record. Once it has rejected, close this reader and open another: the leader may have moved. */
  async fetch(offset: number, maxWaitMs: number): Promise<Fetched> {
    const { topic, partition } = this.#id
    this.#leader ??= await this.#findLeader()
    const { responses } = await this.#leader.fetch({
      isolationLevel: READ_COMMITTED, maxWaitTime: maxWaitMs, minBytes: 1, maxBytes: MAX_BYTES,
      topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes: MAX_BYTES }] }],
    })
    const answer = responses[0]?.partitions[0]
    if (!answer) throw new Error(`the broker did not answer for ${topic}/${partition}`)
    const batch = new FetchedBatch(topic, String(offset), answer)
    return { records: batch.messages, next: batch.nextOffset, hasMore: batch.nextOffset < Number(answer.lastStableOffset) }
  }

  /** Offset of the oldest record that the broker has. */
  async oldest(): Promise<number> {
    const { topic, partition } = this.#id
    const answers = await this.#cluster.fetchTopicsOffset([{ topic, fromBeginning: true, partitions: [{ partition }] }])
    return Number(answers[0]?.partitions[0]?.offset ?? 0)
  }

  async close(): Promise<void> {
    await this.#cluster.disconnect()
  }

  async #findLeader(): Promise<Broker> {
    const { topic, partition } = this.#id
    await this.#cluster.connect()
    await this.#cluster.addTargetTopic(topic)
    const [nodeId] = Object.keys(this.#cluster.findLeaderForPartitions(topic, [partition]))
    if (nodeId === undefined) throw new Error(`${topic} has no partition ${partition}`)
    return this.#cluster.findBroker({ nodeId })
  }
}

/** kafkajs makes a cluster for each of its clients, by a method whose name is a symbol of its own. */
function createCluster(kafka: Kafka): Cluster {
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster')
  const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[name!]!
  return create({ allowAutoTopicCreation: false, isolationLevel: READ_COMMITTED, metadataMaxAge: 300_000 })
}
