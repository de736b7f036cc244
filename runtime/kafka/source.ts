/**
 * A consumer group's member as a Source. kafkajs fetches, and hands each batch over at once: order, concurrency and
 * back-pressure are the listener's, by `pause` and `resume`. Offsets are committed only when told to.
 */
import './patches.ts' // first: the repairs below load modules of kafkajs that it replaces
import type { Consumer, ConsumerGroupJoinEvent, EachBatchPayload, RequestEvent } from './patches.ts'
import { systemClock, within, type Clock } from '../clock.ts'
import { Halt, causesOf, reasonOf, verdictOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { backoffMs } from '../loop/backoff.ts'
import { partitionKey } from '../loop/partition-key.ts'
import type { PartitionId, Position, Source, SourceListener } from '../loop/ports.ts'
import type { KafkaConnection } from './client.ts'
import { OutOfRange } from './repairs/consumer-repairs.ts'
import { recordsOf } from './fetched-records.ts'
import { HandOver } from './hand-over.ts'
import { Membership } from './membership.ts'
import { checkPositions } from './offset-range.ts'
import { committedPositions, earliestOffsets } from './offsets.ts'

export interface KafkaSourceSettings {
  groupId: string
  topics: string[]
  /** After this a silent member loses its partitions. Recovery after a kill takes at least as long. */
  sessionTimeoutMs?: number
}

/** How often the coordinator hears from us; a third of the session at most, so that one may be lost. */
const HEARTBEAT_MS = 2_000

/** Long poll. It also bounds how long a resumed partition waits, and how late a heartbeat may be. */
const MAX_WAIT_MS = 250

const SESSION_TIMEOUT_MS = 10_000

/** Requests whose answer shows that the coordinator counts us among the members. */
const SIGNS_OF_LIFE = new Set(['Heartbeat', 'SyncGroup'])

/** A broker that is away while partitions are assigned. */
const BEGIN_RETRY = { firstDelayMs: 100, maxDelayMs: 5_000 }

/** A consumer that does not end in this time is left behind; its session ends by itself. */
const LEAVE_MS = 10_000

/** Compressed; Kafka's own default. Of a partition whose next batch is larger, a fetch brings that batch or nothing. */
const MAX_BYTES_PER_PARTITION = 1 << 20
const MAX_BYTES = 16 << 20

export class KafkaSource implements Source {
  readonly #connection: KafkaConnection
  readonly #settings: KafkaSourceSettings
  readonly #log: Log
  readonly #clock: Clock
  readonly #consumer: Consumer
  readonly #membership: Membership
  #listener: SourceListener | undefined
  /** The current generation's partitions; each generation has an array of its own, by which it is known. */
  #held: PartitionId[] = []
  #handOver: HandOver | undefined
  /** The generation whose partitions are being read. */
  #begun: PartitionId[] | undefined
  #memberId: string | undefined
  /** How long ago the last sign of life that was answered had been sent, milliseconds. */
  #answeredAfterMs = 0
  #started: Promise<void> = Promise.resolve()
  /** kafkajs throws when it is told to pause while it is between two lives. */
  #alive = false
  #stopped: Promise<void> | undefined

  constructor(connection: KafkaConnection, settings: KafkaSourceSettings, log: Log, clock: Clock = systemClock) {
    const sessionTimeout = settings.sessionTimeoutMs ?? SESSION_TIMEOUT_MS
    this.#connection = connection
    this.#clock = clock
    this.#settings = settings
    this.#log = log
    this.#membership = new Membership(clock, sessionTimeout)
    this.#consumer = connection.kafka.consumer({
      groupId: settings.groupId,
      sessionTimeout,
      rebalanceTimeout: 60_000,
      heartbeatInterval: Math.min(HEARTBEAT_MS, sessionTimeout / 3),
      maxWaitTimeInMs: MAX_WAIT_MS,
      maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
      maxBytes: MAX_BYTES,
      allowAutoTopicCreation: false,
      // One that was stopped while it crashed would come back to life.
      retry: { retries: 5, restartOnFailure: async () => !this.#stopped },
    })
  }

  /** @throws Halt `kafka.topic-missing` */
  start(listener: SourceListener): Promise<void> {
    this.#listener = listener
    this.#handOver = new HandOver(listener)
    this.#observe()
    this.#started = this.#start()
    return this.#started
  }

  async #start(): Promise<void> {
    await this.#consumer.connect()
    try {
      await this.#consumer.subscribe({ topics: this.#settings.topics, fromBeginning: true })
    } catch (error) {
      throw new Halt('kafka.topic-missing', `${this.#settings.groupId} cannot read ${this.#settings.topics.join(', ')}: ${reasonOf(error)}`,
        'Run `sluice topics apply`.', { cause: error })
    }
    if (this.#stopped) return
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 64,
      eachBatch: (payload) => this.#deliver(payload),
    })
  }

  pause(partitions: PartitionId[]): void {
    if (this.#alive && partitions.length > 0) this.#consumer.pause(byTopic(partitions))
  }

  resume(partitions: PartitionId[]): void {
    if (this.#alive && partitions.length > 0) this.#consumer.resume(byTopic(partitions))
  }

  seek({ topic, partition, offset }: Position): void {
    this.#handOver?.drop({ topic, partition })
    if (this.#alive) this.#consumer.seek({ topic, partition, offset: String(offset) })
  }

  committed(partitions: PartitionId[]): Promise<Position[]> {
    return committedPositions(this.#connection.admin, this.#settings.groupId, partitions)
  }

  commit(positions: Position[]): Promise<void> {
    return this.#consumer.commitOffsets(positions.map(({ topic, partition, offset }) => ({ topic, partition, offset: String(offset) })))
  }

  holds(id: PartitionId): boolean {
    return this.#membership.holds(id)
  }

  stop(): Promise<void> {
    this.#handOver?.drop()
    this.#stopped ??= this.#leave()
    return this.#stopped
  }

  /** One that is stopped while it joins would go on reading: kafkajs ends only what runs. */
  async #leave(): Promise<void> {
    this.#membership.unsettled()
    const started = this.#started.catch(() => {}) // told to whoever started it
    const ended = started.then(() => this.#consumer.disconnect()).catch((error: unknown) => this.#log.warn({ reason: reasonOf(error) }, 'the consumer did not end well'))
    await within(this.#clock, LEAVE_MS, ended, () => this.#log.warn('the consumer was left behind; its session will run out'))
  }

  #observe(): void {
    const { on } = this.#consumer
    on('consumer.network.request', ({ payload }) => this.#answered(payload))
    on('consumer.heartbeat', () => this.#membership.heard(this.#answeredAfterMs))
    on('consumer.rebalancing', () => this.#membership.unsettled())
    on('consumer.group_join', ({ payload }) => this.#joined(payload))
    on('consumer.stop', () => this.#ended())
    on('consumer.crash', ({ payload }) => this.#crashed(payload.error, payload.restart))
  }

  #answered({ apiName, duration }: RequestEvent['payload']): void {
    if (SIGNS_OF_LIFE.has(apiName)) this.#answeredAfterMs = duration
  }

  #ended(): void {
    this.#alive = false
    this.#membership.unsettled()
  }

  /**
   * kafkajs does not wait for listeners, so the new partitions are paused before it can fetch from them, and fetched
   * only once the listener has said where to start. A member with a new id was taken for dead: what it held may have
   * been another's meanwhile, even when all of it comes back.
   */
  #joined({ memberAssignment, memberId }: ConsumerGroupJoinEvent['payload']): void {
    const assigned = Object.entries(memberAssignment).flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })))
    const revoked = this.#held.filter((held) => memberId !== this.#memberId || !assigned.some((id) => isSame(id, held)))
    this.#alive = true
    this.#memberId = memberId
    this.#held = assigned
    this.#handOver!.drop()
    this.#membership.settled(assigned)
    this.#membership.heard(this.#answeredAfterMs)
    this.pause(assigned)
    if (revoked.length > 0) this.#listener!.revoked(revoked)
    void this.#begin(assigned)
  }

  async #begin(assigned: PartitionId[]): Promise<void> {
    for (let attempt = 1; this.#held === assigned && !this.#stopped; attempt++) {
      try {
        return await this.#tryToBegin(assigned)
      } catch (error) {
        if (verdictOf(error) instanceof Halt) return this.#listener!.failed(error as Error)
        this.#log.warn({ reason: reasonOf(error), attempt }, 'the partitions were not taken over; trying again')
        await this.#clock.sleep(backoffMs(this.#clock, BEGIN_RETRY, attempt))
      }
    }
  }

  /** Every partition is sought: a seek of an older generation may still lie in kafkajs. */
  async #tryToBegin(assigned: PartitionId[]): Promise<void> {
    const chosen = await this.#listener!.assigned(assigned)
    const positions = [...chosen, ...(await this.#startsOf(assigned.filter((id) => !chosen.some((position) => isSame(position, id)))))]
    await checkPositions(this.#connection.admin, this.#clock, this.#settings.groupId, positions)
    if (this.#held !== assigned) return
    for (const position of positions) this.seek(position)
    this.#begun = assigned
    this.resume(assigned)
  }

  /** Where the group stands, or else the oldest record. */
  async #startsOf(partitions: PartitionId[]): Promise<Position[]> {
    const committed = await this.committed(partitions)
    const fresh = partitions.filter((id) => !committed.some((position) => isSame(position, id)))
    const oldest = fresh.length > 0 ? await earliestOffsets(this.#connection.admin, fresh) : new Map<string, number>()
    return [...committed, ...fresh.map((id) => ({ ...id, offset: oldest.get(partitionKey(id)) ?? 0 }))]
  }

  /**
   * What is not delivered is not resolved either, so it is fetched again where it still counts. About one fetch waits to be
   * handed over while kafkajs is at the next.
   */
  async #deliver({ batch, isStale, resolveOffset }: EachBatchPayload): Promise<void> {
    await this.#handOver!.room(this.#held.length)
    if (this.#begun !== this.#held || isStale() || this.#stopped) return
    resolveOffset(batch.lastOffset())
    this.#handOver!.push({ topic: batch.topic, partition: batch.partition }, recordsOf(batch))
  }

  #crashed(error: Error, restarts: boolean): void {
    this.#log.warn({ reason: reasonOf(error), restarts }, 'the consumer stopped')
    if (restarts) return
    void this.#reasonToHalt(error).then((halt) => this.#listener!.failed(halt))
  }

  async #reasonToHalt(error: Error): Promise<Error> {
    const crashed = new Halt('kafka.consumer-crashed', reasonOf(error), 'Restart the stage; if it happens again, look at the broker.', { cause: error })
    const outOfRange = causesOf(error).find((cause) => cause instanceof OutOfRange)
    if (!outOfRange) return crashed
    try {
      await checkPositions(this.#connection.admin, this.#clock, this.#settings.groupId, [outOfRange])
      return crashed
    } catch (refusal) {
      return verdictOf(refusal) ?? crashed
    }
  }
}

function byTopic(partitions: PartitionId[]): { topic: string; partitions: number[] }[] {
  const topics = Map.groupBy(partitions, ({ topic }) => topic)
  return [...topics].map(([topic, ids]) => ({ topic, partitions: ids.map(({ partition }) => partition) }))
}

function isSame(a: PartitionId, b: PartitionId): boolean {
  return partitionKey(a) === partitionKey(b)
}
