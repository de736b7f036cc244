/**
 * Repairs to kafkajs's consumer.
 *
 * - Its answer to OFFSET_OUT_OF_RANGE is to commit -1 or -2 in the group's name, even with `autoCommit: false`, and to
 *   read on from the oldest or newest record: a silent loss. Here it ends with `OutOfRange`.
 * - With several brokers one of them may have answered a fetch of an older generation, or of before a seek, when the
 *   position has moved already. Such a batch was delivered; here a batch counts only when it begins at the position.
 * - It takes a commit of offsets while it ends, says that all is well, and commits nothing; and it repeats a refused one in
 *   the next generation, for partitions that are another member's by then. Here a commit is tried once.
 * - Members of one group in one process share what they believe the group has committed, and one that is left without
 *   partitions empties it under the others, which end with a TypeError. Here each has its own.
 * - It rejoins without a word when metadata are stale, and tells of a refused heartbeat only when all fetches have ended.
 *   Here `consumer.rebalancing` comes at once in every case.
 * - While the broker is away it ends for good when no coordinator is found, though it goes on over any other failure of
 *   the network. Here it goes on.
 *
 * Loaded after what replaces modules that the consumer loads.
 */
import { kafkajsModule } from './kafkajs-modules.ts'

interface TopicPartition { topic: string; partition: number }
interface Batch extends TopicPartition { fetchedOffset: string }

interface ConsumerGroup {
  groupId: string
  memberId: string | null
  offsetManager: {
    memberAssignment: Record<string, number[] | undefined>
    nextOffset(topic: string, partition: number): { toString(): string }
    commitOffsets(offsets: unknown): Promise<void>
  }
  preferredReadReplicasPerTopicPartition: Record<string, Record<number, unknown> | undefined>
  instrumentationEmitter: { emit(event: string, payload: unknown): void }
  heartbeat(options: { interval: number }): Promise<void>
  joinAndSync(): Promise<void>
  recoverFromOffsetOutOfRange(error: TopicPartition): Promise<void>
}

interface Runner {
  running: boolean
  consumerGroup: ConsumerGroup
  handleBatch(batch: Batch): Promise<void>
  heartbeat(): Promise<void>
}

const errors = kafkajsModule<{
  KafkaJSNonRetriableError: new (message: string) => Error
  KafkaJSGroupCoordinatorNotFound: { prototype: Error }
  isRebalancing(error: unknown): boolean
}>('errors')
const { events } = kafkajsModule<{ events: { REBALANCING: string } }>('consumer/instrumentationEvents')
const group = kafkajsModule<{ prototype: ConsumerGroup }>('consumer/consumerGroup').prototype
const runner = kafkajsModule<{ prototype: Runner }>('consumer/runner').prototype

/** The broker has no such offset in the partition. Ends the consumer: trying again would not help. */
export class OutOfRange extends errors.KafkaJSNonRetriableError implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly offset: number

  constructor({ topic, partition }: TopicPartition, offset: number) {
    super(`the broker has no offset ${offset} in ${topic}/${partition}`)
    this.topic = topic
    this.partition = partition
    this.offset = offset
  }
}

// An accessor of the prototype: the constructor's own assignment finds it, and changes nothing.
Object.defineProperty(errors.KafkaJSGroupCoordinatorNotFound.prototype, 'retriable', { get: () => true, set: () => {} })

type CommittedOffsets = Record<string, Record<number, string>>

const committedByClient = new WeakMap<object, Map<string, CommittedOffsets>>()

Object.assign(kafkajsModule<{ prototype: object }>('cluster').prototype, {
  /** By topic and partition. A client has a cluster object of its own. */
  committedOffsets(this: object, { groupId }: { groupId: string }): CommittedOffsets {
    const byGroup = committedByClient.get(this) ?? new Map<string, CommittedOffsets>()
    committedByClient.set(this, byGroup)
    const offsets = byGroup.get(groupId) ?? {}
    byGroup.set(groupId, offsets)
    return offsets
  },
})

const { heartbeat, joinAndSync } = group
const { handleBatch } = runner

Object.assign(group, {
  /** A follower may lag behind, so its word alone does not count. */
  async recoverFromOffsetOutOfRange(this: ConsumerGroup, { topic, partition }: TopicPartition): Promise<void> {
    const replicas = this.preferredReadReplicasPerTopicPartition[topic]
    if (replicas?.[partition] === undefined) throw new OutOfRange({ topic, partition }, Number(this.offsetManager.nextOffset(topic, partition)))
    delete replicas[partition]
  },

  joinAndSync(this: ConsumerGroup): Promise<void> {
    tellRebalancing(this)
    return joinAndSync.call(this)
  },

  async heartbeat(this: ConsumerGroup, options: { interval: number }): Promise<void> {
    try {
      await heartbeat.call(this, options)
    } catch (error) {
      if (errors.isRebalancing(error) || (error as { type?: string }).type === 'UNKNOWN_MEMBER_ID') tellRebalancing(this)
      throw error
    }
  },
})

Object.assign(runner, {
  async commitOffsets(this: Runner, offsets: unknown): Promise<void> {
    if (!this.running) throw new errors.KafkaJSNonRetriableError('the consumer has ended; no offsets were committed')
    await this.consumerGroup.offsetManager.commitOffsets(offsets)
  },

  handleBatch(this: Runner, batch: Batch): Promise<void> {
    return beginsAtPosition(this.consumerGroup, batch) ? handleBatch.call(this, batch) : this.heartbeat()
  },
})

function tellRebalancing({ instrumentationEmitter, groupId, memberId }: ConsumerGroup): void {
  instrumentationEmitter.emit(events.REBALANCING, { groupId, memberId })
}

function beginsAtPosition({ offsetManager }: ConsumerGroup, { topic, partition, fetchedOffset }: Batch): boolean {
  if (!offsetManager.memberAssignment[topic]?.includes(partition)) return false
  return offsetManager.nextOffset(topic, partition).toString() === fetchedOffset
}
