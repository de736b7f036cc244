/** Writes a round's events at a steady rate, and remembers what the broker has acknowledged: the truth of the round. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Kafka, Producer } from '#runtime/kafka/patches.ts'
import type { Draft } from './events.ts'

export interface Produced extends Draft {
  topic: string
  offset: number
  /** The send was not acknowledged and repeated: the record may stand on the topic twice. */
  unsure?: true
}

const TICK_MS = 50
const SEND_BYTES = 700_000
const PAUSE_AFTER_FAILURE_MS = 500

/** Longer than any outage that a fault makes. */
const GIVE_UP_MS = 120_000

/** A broker that is killed is back within some seconds: one producer lives through that without a doubt. */
const RETRY = { retries: 60, initialRetryTime: 100, maxRetryTime: 500 }

export class Generator {
  readonly produced: Produced[] = []
  readonly #kafka: Kafka
  readonly #topic: string
  readonly #events: Iterator<Draft, never>
  #producer: Promise<Producer> | undefined

  constructor(kafka: Kafka, topic: string, events: Iterator<Draft, never>) {
    this.#kafka = kafka
    this.#topic = topic
    this.#events = events
  }

  /** Writes `perSecond` events a second until the signal is aborted; what was begun is finished. */
  async run(perSecond: number, signal: AbortSignal): Promise<void> {
    const startedMs = performance.now()
    let due = 0
    while (!signal.aborted) {
      await wait(TICK_MS, undefined, { signal }).catch(() => undefined)
      const total = Math.floor(((performance.now() - startedMs) * perSecond) / 1_000)
      // After a pause of the broker the flow goes on at its rate; what was not written meanwhile is left out.
      const count = Math.min(total - due, Math.ceil(perSecond / 4))
      due = total
      if (count > 0) await this.write(count)
    }
  }

  /** Writes so many events and waits for the acknowledgement. @throws what the broker still says after GIVE_UP_MS */
  async write(count: number): Promise<void> {
    const drafts = Array.from({ length: count }, () => this.#events.next().value)
    for (const some of bySize(drafts)) await this.#writeTogether(some)
  }

  async #writeTogether(drafts: Draft[]): Promise<void> {
    const deadlineMs = performance.now() + GIVE_UP_MS
    for (let attempt = 1; ; attempt++) {
      try {
        return this.#remember(drafts, await this.#send(drafts), attempt > 1)
      } catch (error) {
        await this.#discardProducer()
        if (performance.now() > deadlineMs) throw error
        await wait(PAUSE_AFTER_FAILURE_MS)
      }
    }
  }

  async close(): Promise<void> {
    await this.#discardProducer()
  }

  /** Offset of the first record of each partition. */
  async #send(drafts: Draft[]): Promise<Map<number, number>> {
    this.#producer ??= this.#connect()
    const producer = await this.#producer
    const messages = drafts.map(({ id, partition, keyBytes, valueBytes, timestampMs }) => ({
      partition, key: keyBytes, value: valueBytes, timestamp: String(timestampMs), headers: { 'event-id': id },
    }))
    const acknowledged = await producer.sendBatch({ acks: -1, topicMessages: [{ topic: this.#topic, messages }] })
    return new Map(acknowledged.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]))
  }

  #remember(drafts: Draft[], bases: Map<number, number>, unsure: boolean): void {
    for (const draft of drafts) {
      const offset = bases.get(draft.partition)!
      bases.set(draft.partition, offset + 1)
      this.produced.push({ ...draft, topic: this.#topic, offset, ...(unsure ? { unsure } : {}) })
    }
  }

  async #connect(): Promise<Producer> {
    const producer = this.#kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false, retry: RETRY })
    await producer.connect()
    return producer
  }

  async #discardProducer(): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    await producer?.then((opened) => opened.disconnect()).catch(() => undefined)
  }
}

/** What the broker takes in one batch is 1 MB, and some values are large: two of them do not go together. */
function* bySize(drafts: Draft[]): globalThis.Generator<Draft[]> {
  let [some, bytes]: [Draft[], number] = [[], 0]
  for (const draft of drafts) {
    const size = draft.valueBytes?.length ?? 0
    if (some.length > 0 && bytes + size > SEND_BYTES) {
      yield some
      ;[some, bytes] = [[], 0]
    }
    some.push(draft)
    bytes += size
  }
  if (some.length > 0) yield some
}
