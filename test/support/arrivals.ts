/** When records arrived on topics, as an independent reader of committed records sees it. */
import { randomUUID } from 'node:crypto'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import { KafkaSource } from '#runtime/kafka/source.ts'
import { createLog } from '#runtime/log.ts'
import type { SourceRecord } from '#runtime/loop/ports.ts'

/** What a record is about; undefined for one that does not count. */
export type Identify = (record: SourceRecord) => string | undefined

export class Arrivals {
  /** By topic: each id's first arrival, milliseconds, in order. */
  readonly #first = new Map<string, Map<string, number>>()
  readonly #source: KafkaSource
  #failure: Error | undefined

  private constructor(connection: KafkaConnection, topics: string[]) {
    for (const topic of topics) this.#first.set(topic, new Map())
    this.#source = new KafkaSource(connection, { groupId: `arrivals.${randomUUID()}`, topics }, createLog('test', 'silent'))
  }

  /** Follows these topics until `stop`. */
  static async follow(connection: KafkaConnection, topics: Record<string, Identify>): Promise<Arrivals> {
    const arrivals = new Arrivals(connection, Object.keys(topics))
    await arrivals.#source.start({
      assigned: async () => [],
      revoked: () => {},
      failed: (error) => void (arrivals.#failure = error),
      records: ({ topic }, records) => arrivals.#note(arrivals.#first.get(topic)!, topics[topic]!, records),
    })
    return arrivals
  }

  #note(first: Map<string, number>, identify: Identify, records: SourceRecord[]): void {
    const now = performance.now()
    for (const record of records) {
      const id = identify(record)
      if (id !== undefined && !first.has(id)) first.set(id, now)
    }
  }

  count(topic: string): number {
    if (this.#failure) throw this.#failure
    return this.#first.get(topic)!.size
  }

  /** The longest time between an arrival and the next one on the topic, after `fromMs` of `performance.now()`. */
  longestGapMs(topic: string, fromMs: number): number {
    const times = [...this.#first.get(topic)!.values()].filter((at) => at >= fromMs).sort((a, b) => a - b)
    return Math.max(0, ...times.slice(1).map((at, index) => at - times[index]!))
  }

  /** The longest time that an id which arrived after `fromMs` took from one topic to the other. */
  longestWaitMs(from: string, to: string, fromMs: number, counts: (id: string) => boolean = () => true): number {
    const arrived = this.#first.get(to)!
    const waits = [...this.#first.get(from)!].flatMap(([id, at]) => (at >= fromMs && arrived.has(id) && counts(id) ? [arrived.get(id)! - at] : []))
    return Math.max(0, ...waits)
  }

  async stop(): Promise<void> {
    await this.#source.stop()
  }
}
