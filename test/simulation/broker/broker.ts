/** The simulated Kafka broker: its logs, groups and transactions, and the requests that touch more than one of them. */
import type { OutgoingRecord, PartitionId, Position, SourceRecord } from '#runtime/loop/ports.ts'
import { partitionKey } from '#runtime/loop/partition-key.ts'
import type { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import type { Coverage } from '../coverage.ts'
import type { Server } from '../network.ts'
import type { Random } from '../random.ts'
import type { Trace } from '../trace.ts'
import { Group, type GroupParts } from './group.ts'
import { PartitionLog, type Fetched } from './partition-log.ts'
import { TransactionCoordinator, type ProducerIdentity } from './transaction-coordinator.ts'

export interface BrokerParts { clock: VirtualClock; random: Random; trace: Trace; coverage: Coverage }

export class Broker implements Server {
  readonly name = 'broker'
  isDown = false
  readonly transactions: TransactionCoordinator
  readonly #parts: BrokerParts
  readonly #logs = new Map<string, PartitionLog>()
  readonly #groups = new Map<string, Group>()
  /** Partitions of each topic. */
  readonly #topics = new Map<string, number>()

  constructor(parts: BrokerParts) {
    this.#parts = parts
    this.transactions = new TransactionCoordinator(parts)
  }

  createTopic(topic: string, partitions: number): void {
    this.#topics.set(topic, partitions)
    for (let partition = 0; partition < partitions; partition++) this.#logs.set(partitionKey({ topic, partition }), new PartitionLog({ topic, partition }))
  }

  createGroup(name: string, topics: string[], committing: GroupParts['committing']): void {
    const partitions = topics.flatMap((topic) => this.partitionsOf(topic))
    this.#groups.set(name, new Group({ ...this.#parts, name, partitions, committing }))
  }

  partitionsOf(topic: string): PartitionId[] {
    return Array.from({ length: this.#topics.get(topic)! }, (_, partition) => ({ topic, partition }))
  }

  log(id: PartitionId): PartitionLog {
    const log = this.#logs.get(partitionKey(id))
    if (!log) throw new Error(`there is no partition ${partitionKey(id)}`)
    return log
  }

  group(name: string): Group {
    return this.#groups.get(name)!
  }

  /** Every record of a topic that counts, partition by partition. */
  committedRecords(topic: string): SourceRecord[] {
    return this.partitionsOf(topic).flatMap((id) => this.log(id).committedRecords())
  }

  /** One batch for each partition. `only` limits which partitions take theirs, as when a request half succeeds. */
  produce(records: OutgoingRecord[], only: (id: PartitionId) => boolean = () => true): void {
    for (const some of Map.groupBy(records, partitionKey).values()) if (only(some[0]!)) this.log(some[0]!).append(some)
  }

  /** Offsets after the last record in each partition. @throws BrokerError */
  produceInTransaction(identity: ProducerIdentity, records: OutgoingRecord[]): Position[] {
    return [...Map.groupBy(records, partitionKey).values()].map((some) => {
      const log = this.log(some[0]!)
      this.transactions.verify(identity, log)
      const base = log.appendInTransaction(some, identity.producerId, identity.epoch)
      return { ...log.id, offset: base + some.length }
    })
  }

  /** Answers when at least one of the partitions has more, or with nothing after `maxWaitMs`. `woken` ends the wait at once. */
  fetch(positions: Position[], limit: number, maxWaitMs: number, woken?: (wake: () => void) => void): Promise<Map<string, Fetched>> {
    const read = (): Map<string, Fetched> => new Map(positions.map((position) => [partitionKey(position), this.log(position).fetch(position.offset, limit)]))
    const hasMore = (fetched: Map<string, Fetched>): boolean => [...fetched.values()].some(({ entries }) => entries.length > 0)
    const now = read()
    if (hasMore(now)) return Promise.resolve(now)
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        for (const unwatch of unwatching) unwatch()
        resolve(read())
      }
      const changed = (): void => {
        if (hasMore(read())) end()
      }
      const unwatching = positions.map((position) => this.log(position).watch(changed))
      const cancel = this.#parts.clock.after(maxWaitMs, end)
      woken?.(end)
    })
  }

  restarted(): void {
    this.isDown = false
    for (const group of this.#groups.values()) group.restarted()
  }
}
