/**
 * A consumer group's member as a Source. kafkajs fetches, and hands each batch over at once: order, concurrency and
 * back-pressure are the listener's, by `pause` and `resume`. Offsets are committed only when told to.
 */
import type { Consumer, ConsumerGroupJoinEvent, EachBatchPayload } from './patches.ts'
import { systemClock, type Clock } from '../clock.ts'
import { Halt, reasonOf, verdictOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { backoffMs } from '../loop/backoff.ts'
import { partitionKey } from '../loop/partition-key.ts'
import type { PartitionId, Position, Source, SourceListener } from '../loop/ports.ts'
import type { KafkaConnection } from './client.ts'
import { committedPositions, earliestOffsets } from './offsets.ts'
import { toSourceRecord } from './source-record.ts'

export interface KafkaSourceSettings {
  groupId: string
  topics: string[]
  /** After this a silent member loses its partitions. Recovery after a kill takes at least as long. */
  sessionTimeoutMs?: number
}

/** A third of the session at most, so that two may be lost. */
const HEARTBEAT_MS = 2_000

/** Long poll. It also bounds how long a resumed partition waits, and how late a heartbeat may be. */
const MAX_WAIT_MS = 250

/** A broker that is away while partitions are assigned. */
const BEGIN_RETRY = { firstDelayMs: 100, maxDelayMs: 5_000 }

const MAX_BYTES_PER_PARTITION = 1 << 20
const MAX_BYTES = 16 << 20

export class KafkaSource implements Source {
  readonly #connection: KafkaConnection
  readonly #settings: KafkaSourceSettings
  readonly #log: Log
  readonly #clock: Clock
  readonly #consumer: Consumer
  #listener: SourceListener | undefined
  #held: PartitionId[] = []
  #ready: Promise<void> = Promise.resolve()
  #stopped: Promise<void> | undefined

  constructor(connection: KafkaConnection, settings: KafkaSourceSettings, log: Log, clock: Clock = systemClock) {
    this.#connection = connection
    this.#clock = clock
    this.#settings = settings
    this.#log = log
    this.#consumer = connection.kafka.consumer({
      groupId: settings.groupId,
      sessionTimeout: settings.sessionTimeoutMs ?? 10_000,
      rebalanceTimeout: 60_000,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: MAX_WAIT_MS,
      maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
      maxBytes: MAX_BYTES,
      allowAutoTopicCreation: false,
    })
  }

  /** @throws Halt `kafka.topic-missing` */
  async start(listener: SourceListener): Promise<void> {
    this.#listener = listener
    this.#consumer.on('consumer.group_join', ({ payload }) => this.#joined(payload))
    this.#consumer.on('consumer.crash', ({ payload }) => this.#crashed(payload.error, payload.restart))
    await this.#consumer.connect()
    try {
      await this.#consumer.subscribe({ topics: this.#settings.topics, fromBeginning: true })
    } catch (error) {
      throw new Halt('kafka.topic-missing', `${this.#settings.groupId} cannot read ${this.#settings.topics.join(', ')}: ${reasonOf(error)}`,
        'Run `sluice topics apply`.', { cause: error })
    }
    await this.#consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 64,
      eachBatch: (payload) => this.#deliver(payload),
    })
  }

  pause(partitions: PartitionId[]): void {
    if (partitions.length > 0) this.#consumer.pause(byTopic(partitions))
  }

  resume(partitions: PartitionId[]): void {
    if (partitions.length > 0) this.#consumer.resume(byTopic(partitions))
  }

  seek({ topic, partition, offset }: Position): void {
    this.#consumer.seek({ topic, partition, offset: String(offset) })
  }

  committed(partitions: PartitionId[]): Promise<Position[]> {
    return committedPositions(this.#connection.admin, this.#settings.groupId, partitions)
  }

  commit(positions: Position[]): Promise<void> {
    return this.#consumer.commitOffsets(positions.map(({ topic, partition, offset }) => ({ topic, partition, offset: String(offset) })))
  }

  holds(id: PartitionId): boolean {
    return this.#held.some((held) => isSame(held, id))
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#consumer.disconnect()
    return this.#stopped
  }

  /**
   * kafkajs does not wait for listeners, so the new partitions are paused before it can fetch from them, and fetched
   * only once the listener has said where to start.
   */
  #joined({ memberAssignment }: ConsumerGroupJoinEvent['payload']): void {
    const assigned = Object.entries(memberAssignment).flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })))
    const revoked = this.#held.filter((held) => !assigned.some((id) => isSame(id, held)))
    this.#held = assigned
    this.pause(assigned)
    if (revoked.length > 0) this.#listener!.revoked(revoked)
    this.#ready = this.#begin(assigned)
  }

  async #begin(assigned: PartitionId[]): Promise<void> {
    for (let attempt = 1; this.#held === assigned && !this.#stopped; attempt++) {
      try {
        return await this.#tryToBegin(assigned)
      } catch (error) {
        if (verdictOf(error) instanceof Halt) return this.#listener!.failed(error as Error)
        this.#log.warn({ reason: reasonOf(error), attempt }, 'the partitions were not taken over; trying again')
        await this.#clock.sleep(backoffMs(BEGIN_RETRY, attempt))
      }
    }
  }

  async #tryToBegin(assigned: PartitionId[]): Promise<void> {
    const positions = await this.#listener!.assigned(assigned)
    await this.#checkNothingLost(assigned, positions)
    if (this.#held !== assigned) return
    for (const position of positions) this.seek(position)
    this.resume(assigned)
  }

  /**
   * Where reading is to start may lie before the oldest record that the broker still has: then records were lost, and
   * kafkajs would silently jump over them.
   * @throws Halt `kafka.records-lost`
   */
  async #checkNothingLost(assigned: PartitionId[], positions: Position[]): Promise<void> {
    const earliest = await earliestOffsets(this.#connection.admin, assigned)
    const unchosen = assigned.filter((id) => !positions.some((position) => isSame(position, id)))
    for (const position of [...positions, ...(await this.committed(unchosen))]) {
      const oldest = earliest.get(partitionKey(position)) ?? 0
      if (position.offset >= oldest) continue
      throw new Halt('kafka.records-lost', `${this.#settings.groupId} stands at ${position.offset} of ${partitionKey(position)}, but the oldest record left is ${oldest}.`,
        'Records were deleted before they were read. Reset the group to go on without them, and submit those assets again.')
    }
  }

  async #deliver({ batch, isStale }: EachBatchPayload): Promise<void> {
    await this.#ready
    if (isStale() || this.#stopped) return
    const id = { topic: batch.topic, partition: batch.partition }
    this.#listener!.records(id, batch.messages.map((message) => toSourceRecord(id, message)))
  }

  #crashed(error: Error, restarts: boolean): void {
    this.#log.warn({ reason: reasonOf(error), restarts }, 'the consumer stopped')
    if (!restarts) this.#listener!.failed(new Halt('kafka.consumer-crashed', reasonOf(error), 'Restart the stage; if it happens again, look at the broker.', { cause: error }))
  }
}

function byTopic(partitions: PartitionId[]): { topic: string; partitions: number[] }[] {
  const topics = Map.groupBy(partitions, ({ topic }) => topic)
  return [...topics].map(([topic, ids]) => ({ topic, partitions: ids.map(({ partition }) => partition) }))
}

function isSame(a: PartitionId, b: PartitionId): boolean {
  return partitionKey(a) === partitionKey(b)
}
