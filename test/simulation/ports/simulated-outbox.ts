/**
 * An outbox as `KafkaOutbox` is one: one request at a time, sent again with a new producer until it is acknowledged, so
 * that records may stand in the log twice, and an old request may come after a new one.
 */
import { sleepUnlessAborted, type Clock } from '#runtime/clock.ts'
import { RetryLater } from '#runtime/errors.ts'
import { partitionKey } from '#runtime/loop/partition-key.ts'
import type { Outbox, OutgoingRecord } from '#runtime/loop/ports.ts'
import { BrokerError } from '../broker/broker-error.ts'
import type { Broker } from '../broker/broker.ts'
import type { Coverage } from '../coverage.ts'
import type { Network } from '../network.ts'
import type { Random } from '../random.ts'
import type { SimulatedProcess } from '../simulated-process.ts'

interface Pending { records: OutgoingRecord[]; resolve: () => void; reject: (error: Error) => void }

export interface SimulatedOutboxParts {
  process: SimulatedProcess
  network: Network
  broker: Broker
  random: Random
  coverage: Coverage
  /** Share of requests of which only some partitions take their records. */
  partly: () => number
  acknowledged(records: OutgoingRecord[]): void
}

export class SimulatedOutbox implements Outbox {
  readonly #parts: SimulatedOutboxParts
  readonly #clock: Clock
  readonly #closing = new AbortController()
  #pending: Pending[] = []
  #flushing: Promise<void> | undefined

  constructor(parts: SimulatedOutboxParts) {
    this.#parts = parts
    this.#clock = parts.process.clock
  }

  send(records: OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve()
    if (this.#closing.signal.aborted) return Promise.reject(new RetryLater('kafka.send-timeout', 'The outbox is closed.'))
    return new Promise((resolve, reject) => {
      this.#pending.push({ records, resolve, reject })
      this.#flushing ??= this.#flush()
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#flushing
  }

  async #flush(): Promise<void> {
    try {
      while (this.#pending.length > 0) await this.#deliver(this.#pending.splice(0))
    } finally {
      this.#flushing = undefined
    }
  }

  async #deliver(chunk: Pending[]): Promise<void> {
    const records = chunk.flatMap((pending) => pending.records)
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#sendOnce(records)
        if (attempt > 1) this.#parts.coverage.count('outbox.written-twice')
        this.#parts.acknowledged(records)
        for (const { resolve } of chunk) resolve()
        return
      } catch (error) {
        if (this.#closing.signal.aborted) {
          for (const { reject } of chunk) reject(new RetryLater('kafka.send-timeout', 'The outbox is closed.', { cause: error }))
          return
        }
        await sleepUnlessAborted(this.#clock, this.#parts.random.between(10, 500), this.#closing.signal)
      }
    }
  }

  #sendOnce(records: OutgoingRecord[]): Promise<void> {
    const { network, process, broker, random } = this.#parts
    const isPartial = random.chance(this.#parts.partly())
    return network.request(process, {
      name: 'produce', server: broker, arrive: () => {
        if (!isPartial) return broker.produce(records)
        this.#parts.coverage.count('outbox.partly-written')
        const taking = new Set([...new Set(records.map(partitionKey))].filter(() => random.chance(0.5)))
        broker.produce(records, (id) => taking.has(partitionKey(id)))
        throw new BrokerError('NOT_LEADER_FOR_PARTITION')
      },
    })
  }
}
