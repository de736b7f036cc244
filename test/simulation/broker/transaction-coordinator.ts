/**
 * Kafka's transaction coordinator for clients of the old transaction protocol (TV1), which is what kafkajs speaks:
 *
 *   empty ──add partitions──▶ ongoing ──end──▶ ending ──all markers written──▶ empty
 *
 * InitProducerId raises the epoch; a predecessor's transaction is aborted first, and the answer is
 * CONCURRENT_TRANSACTIONS until that is done (TransactionCoordinator.scala). The reply to EndTxn comes before the markers
 * are written, each partition gets its marker in its own time, and an EndTxn that comes late ends whatever transaction
 * of its epoch is ongoing by then (KIP-890 tells of it).
 */
import type { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import type { Coverage } from '../coverage.ts'
import type { Random } from '../random.ts'
import type { Trace } from '../trace.ts'
import { BrokerError } from './broker-error.ts'
import type { Group } from './group.ts'
import type { PartitionLog } from './partition-log.ts'

export interface ProducerIdentity { transactionalId: string; producerId: number; epoch: number }

interface Transaction {
  id: string
  producerId: number
  epoch: number
  state: 'empty' | 'ongoing' | 'ending'
  partitions: Set<PartitionLog>
  groups: Set<Group>
  cancelTimeout: () => void
}

/** `transaction.timeout.ms` of the stateful stages. */
const TIMEOUT_MS = 20_000

export class TransactionCoordinator {
  readonly #clock: VirtualClock
  readonly #random: Random
  readonly #trace: Trace
  readonly #coverage: Coverage
  readonly #transactions = new Map<string, Transaction>()
  #nextProducerId = 1_000
  /** A marker is written after this long at most. */
  slowestMarkerMs = 20

  constructor(parts: { clock: VirtualClock; random: Random; trace: Trace; coverage: Coverage }) {
    this.#clock = parts.clock
    this.#random = parts.random
    this.#trace = parts.trace
    this.#coverage = parts.coverage
  }

  /** @throws BrokerError CONCURRENT_TRANSACTIONS: ask again */
  initProducerId(transactionalId: string): ProducerIdentity {
    const transaction = this.#transactions.get(transactionalId)
    if (!transaction) return this.#first(transactionalId)
    if (transaction.state === 'ongoing') {
      this.#coverage.count('transaction.fenced-open')
      transaction.epoch += 1
      this.#end(transaction, 'abort')
    }
    if (transaction.state === 'ending') throw new BrokerError('CONCURRENT_TRANSACTIONS')
    transaction.epoch += 1
    return { transactionalId, producerId: transaction.producerId, epoch: transaction.epoch }
  }

  /** @throws BrokerError INVALID_PRODUCER_EPOCH, CONCURRENT_TRANSACTIONS */
  addPartitions(identity: ProducerIdentity, partitions: PartitionLog[]): void {
    const transaction = this.#begun(identity)
    for (const partition of partitions) transaction.partitions.add(partition)
  }

  /** @throws BrokerError INVALID_PRODUCER_EPOCH, CONCURRENT_TRANSACTIONS */
  addGroup(identity: ProducerIdentity, group: Group): void {
    this.#begun(identity).groups.add(group)
  }

  /** A broker since 4.0 asks the coordinator before it takes a transactional batch (KIP-890). @throws BrokerError */
  verify(identity: ProducerIdentity, target: PartitionLog | Group): void {
    const transaction = this.#checked(identity)
    const isPart = (transaction.partitions as Set<unknown>).has(target) || (transaction.groups as Set<unknown>).has(target)
    if (transaction.state !== 'ongoing' || !isPart) throw new BrokerError('INVALID_TXN_STATE')
  }

  /** @throws BrokerError INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, CONCURRENT_TRANSACTIONS */
  end(identity: ProducerIdentity, marker: 'commit' | 'abort'): void {
    try {
      const transaction = this.#checked(identity)
      if (transaction.state === 'ending') throw new BrokerError('CONCURRENT_TRANSACTIONS')
      if (transaction.state === 'empty') throw new BrokerError('INVALID_TXN_STATE')
      this.#end(transaction, marker)
    } catch (error) {
      this.#coverage.count('transaction.late-end-refused')
      throw error
    }
  }

  isEnding(transactionalId: string): boolean {
    return this.#transactions.get(transactionalId)?.state === 'ending'
  }

  #first(id: string): ProducerIdentity {
    const producerId = this.#nextProducerId++
    this.#transactions.set(id, { id, producerId, epoch: 0, state: 'empty', partitions: new Set(), groups: new Set(), cancelTimeout: () => {} })
    return { transactionalId: id, producerId, epoch: 0 }
  }

  #checked({ transactionalId, epoch }: ProducerIdentity): Transaction {
    const transaction = this.#transactions.get(transactionalId)!
    if (transaction.epoch !== epoch) throw new BrokerError('INVALID_PRODUCER_EPOCH')
    return transaction
  }

  #begun(identity: ProducerIdentity): Transaction {
    const transaction = this.#checked(identity)
    if (transaction.state === 'ending') throw new BrokerError('CONCURRENT_TRANSACTIONS')
    if (transaction.state === 'empty') {
      transaction.state = 'ongoing'
      transaction.cancelTimeout = this.#clock.after(TIMEOUT_MS, () => this.#timeOut(transaction))
    }
    return transaction
  }

  #timeOut(transaction: Transaction): void {
    this.#coverage.count('transaction.timed-out')
    this.#trace.note(`broker: transaction ${transaction.id} epoch ${transaction.epoch} timed out`)
    transaction.epoch += 1
    this.#end(transaction, 'abort')
  }

  #end(transaction: Transaction, marker: 'commit' | 'abort'): void {
    const { id, producerId, epoch, partitions, groups } = transaction
    transaction.cancelTimeout()
    transaction.state = 'ending'
    this.#trace.note(`broker: ${marker} of ${id} epoch ${epoch}`)
    if (marker === 'abort') this.#coverage.count('transaction.aborted')
    for (const partition of partitions) partition.decide(producerId, marker === 'commit' ? 'committed' : 'aborted')
    const writes = this.#random.shuffle([
      ...[...partitions].map((partition) => () => this.#coverage.count('transaction.overlapping-aborts', partition.mark(producerId, epoch, marker, this.#clock.now()))),
      ...[...groups].map((group) => () => group.endTransaction(producerId, epoch, marker)),
    ])
    let left = writes.length
    const written = (): void => {
      left -= 1
      if (left === 0) this.#ended(transaction)
    }
    for (const write of writes) this.#clock.after(this.#random.between(0, this.slowestMarkerMs), () => [write(), written()])
  }

  #ended(transaction: Transaction): void {
    transaction.state = 'empty'
    transaction.partitions = new Set()
    transaction.groups = new Set()
  }
}
