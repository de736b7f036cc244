/** The broker of a stateful stage's tasks, request by request as kafkajs makes them. */
import type { Clock } from '#runtime/clock.ts'
import { RetryLater } from '#runtime/errors.ts'
import type { OpenTransaction, OutgoingRecord, PartitionId, Position, Source, SourceRecord, TaskBroker, TransactionalProducer } from '#runtime/loop/ports.ts'
import { taskFenced } from '#runtime/loop/task-fenced.ts'
import { BrokerError } from '../broker/broker-error.ts'
import type { Broker } from '../broker/broker.ts'
import type { Group } from '../broker/group.ts'
import type { ProducerIdentity } from '../broker/transaction-coordinator.ts'
import type { Network } from '../network.ts'
import type { Random } from '../random.ts'
import type { SimulatedProcess } from '../simulated-process.ts'
import type { Read } from './reader.ts'

/** kafkajs asks again while the broker answers CONCURRENT_TRANSACTIONS. */
const CONCURRENT_RETRIES = 20
const CONCURRENT_RETRY_MS = 20

/** A restore that gets nothing for this long is given up. */
const STALLED_MS = 15_000

export interface SimulatedTaskBrokerParts {
  process: SimulatedProcess
  network: Network
  broker: Broker
  group: Group
  changelog: string
  random: Random
  read: Read
  source(): Source
  /** A commit was asked for although the partition was known not to be ours. */
  committedUnheld(id: PartitionId): void
}

export class SimulatedTaskBroker implements TaskBroker {
  readonly #parts: SimulatedTaskBrokerParts

  constructor(parts: SimulatedTaskBrokerParts) {
    this.#parts = parts
  }

  async openProducer(id: PartitionId): Promise<TransactionalProducer> {
    await this.#ask('connect', () => undefined)
    return new SimulatedProducer(this.#parts, id)
  }

  committed(id: PartitionId): Promise<number | undefined> {
    return this.#ask('offset-fetch', () => this.#parts.group.committed(id))
  }

  oldest(): Promise<number> {
    return this.#ask('list-offsets', () => 0)
  }

  async readChangelog(partition: number, from: number, take: (records: SourceRecord[]) => Promise<boolean> | boolean, signal: AbortSignal): Promise<void> {
    const { changelog, broker, random, read, process } = this.#parts
    const clock = process.clock
    let offset = from
    for (let readAtMs = clock.monotonicMs(); clock.monotonicMs() - readAtMs < STALLED_MS;) {
      const position = { topic: changelog, partition, offset }
      const fetched = [...(await this.#ask('fetch', () => broker.fetch([position], random.between(1, 20), 1_000))).values()][0]!
      signal.throwIfAborted()
      if (fetched.entries.length > 0) readAtMs = clock.monotonicMs()
      const records = read(fetched, offset)
      offset = fetched.next
      if (records.length > 0 && (await take(records))) return
    }
    throw new RetryLater('kafka.unreachable', 'The changelog ends before the barrier.')
  }

  #ask<T>(name: string, arrive: () => T | Promise<T>): Promise<T> {
    return ask(this.#parts, name, arrive)
  }
}

class SimulatedProducer implements TransactionalProducer {
  readonly #parts: SimulatedTaskBrokerParts
  readonly #id: PartitionId
  #identity: ProducerIdentity | undefined

  constructor(parts: SimulatedTaskBrokerParts, id: PartitionId) {
    this.#parts = parts
    this.#id = id
  }

  async begin(): Promise<OpenTransaction> {
    const { broker, group } = this.#parts
    const transactionalId = `${group.name}.${this.#id.topic}.${this.#id.partition}`
    this.#identity ??= await this.#ask('init-producer', () => broker.transactions.initProducerId(transactionalId))
    return this.#transaction(this.#identity)
  }

  async close(): Promise<void> {}

  #transaction(identity: ProducerIdentity): OpenTransaction {
    const { broker, group, random } = this.#parts
    let wasHeld = true
    const end = async (marker: 'commit' | 'abort'): Promise<void> => {
      if (marker === 'commit' && !wasHeld && !this.#isHeld()) this.#parts.committedUnheld(this.#id)
      await this.#ask('end-transaction', () => broker.transactions.end(identity, marker))
    }
    return {
      send: async (records) => {
        const sent: Position[] = []
        for (const chunk of inChunks(records, random)) {
          await this.#ask('add-partitions', () => broker.transactions.addPartitions(identity, chunk.map((record) => broker.log(record))))
          sent.push(...await this.#ask('produce-in-transaction', () => broker.produceInTransaction(identity, chunk)))
        }
        return newest(sent)
      },
      position: async (position) => {
        await this.#ask('add-offsets', () => broker.transactions.addGroup(identity, group))
        await this.#ask('transaction-offsets', () => {
          broker.transactions.verify(identity, group)
          group.commitInTransaction(identity.producerId, identity.epoch, [position])
        })
        wasHeld = this.#isHeld()
      },
      commit: () => end('commit'),
      abort: () => end('abort'),
    }
  }

  #isHeld(): boolean {
    return this.#parts.source().holds(this.#id)
  }

  async #ask<T>(name: string, arrive: () => T): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(this.#parts, name, arrive)
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error
        if (error.type === 'INVALID_PRODUCER_EPOCH') throw taskFenced(error.type, error)
        if (error.type !== 'CONCURRENT_TRANSACTIONS' || attempt > CONCURRENT_RETRIES) throw error
        await this.#clock.sleep(CONCURRENT_RETRY_MS * attempt)
      }
    }
  }

  get #clock(): Clock {
    return this.#parts.process.clock
  }
}

function ask<T>({ network, process, broker }: SimulatedTaskBrokerParts, name: string, arrive: () => T | Promise<T>): Promise<T> {
  return network.request(process, { name, server: broker, arrive })
}

/** Records are written in one to three requests. */
function inChunks(records: OutgoingRecord[], random: Random): OutgoingRecord[][] {
  if (records.length < 2 || random.chance(0.6)) return records.length === 0 ? [] : [records]
  const cut = random.between(1, records.length - 1)
  return [records.slice(0, cut), records.slice(cut)]
}

/** The last position of each partition. */
function newest(positions: Position[]): Position[] {
  return [...new Map(positions.map((position) => [`${position.topic}/${position.partition}`, position])).values()]
}
