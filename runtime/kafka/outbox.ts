/**
 * Writes records with an idempotent producer. While one request is under way the next gathers, so batches grow with
 * load and a lone record waits for nothing. A send ends only with the acknowledgement of all in-sync replicas (I1);
 * when the broker is away it is tried again for as long as the outbox is open. Halt `kafka.refused` when it will never
 * take the records, Reject `record.too-big` for the one that is too large.
 */
import { setImmediate as endOfTurn } from 'node:timers/promises'
import { KafkaJSProtocolError, type Kafka, type Producer } from './patches.ts'
import { sleepUnlessAborted, within, type Clock } from '../clock.ts'
import { Halt, Reject, RetryLater, causesOf, reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { backoffMs } from '../loop/backoff.ts'
import type { Outbox, OutgoingRecord } from '../loop/ports.ts'
import { COMPRESSION } from './client.ts'
import { endProducer } from './end-producer.ts'
import { chunksOf, toTopicMessages } from './topic-messages.ts'

/** After this a request is given up, and the producer with it: kafkajs may otherwise wait for ever. */
const SEND_DEADLINE_MS = 30_000

const RETRY = { firstDelayMs: 50, maxDelayMs: 5_000 }

/** What asking again does not cure, with what does. */
const REMEDIES: Readonly<Record<string, string>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'Run `sluice topics apply`.',
  TOPIC_AUTHORIZATION_FAILED: 'Grant this principal Write on the topic.',
  CLUSTER_AUTHORIZATION_FAILED: 'Grant this principal IdempotentWrite on the cluster.',
}

/** A topic that was just made may be unknown for a moment. */
const FINAL_AFTER = 3

interface Pending {
  records: OutgoingRecord[]
  resolve: () => void
  reject: (error: Error) => void
}

export class KafkaOutbox implements Outbox {
  readonly #kafka: Kafka
  readonly #clock: Clock
  readonly #log: Log
  readonly #closing = new AbortController()
  #producer: Promise<Producer> | undefined
  #pending: Pending[] = []
  #flushing: Promise<void> | undefined

  constructor(kafka: Kafka, clock: Clock, log: Log) {
    this.#kafka = kafka
    this.#clock = clock
    this.#log = log
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
    await this.#discardProducer()
  }

  /**
   * What is handed over in the same turn of the event loop, such as the outputs of one fetch, goes in one request. It ends
   * in the same step that finds nothing pending: a record that came in between would wait for the next one.
   */
  async #flush(): Promise<void> {
    try {
      await endOfTurn()
      while (this.#pending.length > 0) {
        for (const chunk of chunksOf(this.#pending.splice(0), ({ records }) => records)) await this.#deliver(chunk)
      }
    } finally {
      this.#flushing = undefined
    }
  }

  /** Ends when the chunk is acknowledged, refused by the broker for its size, or the outbox is closed. */
  async #deliver(chunk: Pending[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#sendOnce(chunk.flatMap(({ records }) => records))
        for (const { resolve } of chunk) resolve()
        return
      } catch (error) {
        if (protocolErrorOf(error) === 'MESSAGE_TOO_LARGE') return await this.#deliverApart(chunk, error)
        const remedy = attempt >= FINAL_AFTER ? REMEDIES[protocolErrorOf(error) ?? ''] : undefined
        if (remedy !== undefined) return rejectAll(chunk, new Halt('kafka.refused', reasonOf(error), remedy, { cause: error }))
        if (this.#closing.signal.aborted) return rejectAll(chunk, new RetryLater('kafka.send-timeout', reasonOf(error), { cause: error }))
        this.#log.warn({ reason: reasonOf(error), attempt }, 'records were not acknowledged; sending again')
        await this.#discardProducer()
        await sleepUnlessAborted(this.#clock, backoffMs(this.#clock, RETRY, attempt), this.#closing.signal)
      }
    }
  }

  /** The broker refuses a batch whole (MESSAGE_TOO_LARGE): each send alone shows whose record it was. */
  async #deliverApart(chunk: Pending[], error: unknown): Promise<void> {
    if (chunk.length === 1) return rejectAll(chunk, new Reject('record.too-big', 'The broker refused the record for its size.', { cause: error }))
    for (const pending of chunk) await this.#deliver([pending])
  }

  async #sendOnce(records: OutgoingRecord[]): Promise<void> {
    const producer = await this.#connected()
    await within(this.#clock, SEND_DEADLINE_MS, producer.sendBatch({ acks: -1, compression: COMPRESSION, topicMessages: toTopicMessages(records) }), () => {
      throw new Error(`no acknowledgement in ${SEND_DEADLINE_MS} ms`)
    })
  }

  #connected(): Promise<Producer> {
    this.#producer ??= this.#connect()
    return this.#producer
  }

  async #connect(): Promise<Producer> {
    const producer = this.#kafka.producer({ idempotent: true, allowAutoTopicCreation: false, retry: { retries: 5, initialRetryTime: 20 } })
    await producer.connect()
    return producer
  }

  /** A producer whose request failed has unknown sequence numbers: a new one starts a new sequence. */
  async #discardProducer(): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    // One that never connected has nothing to end; its failure was the send's.
    const opened = await producer?.catch(() => undefined)
    if (opened) await endProducer(opened, this.#clock, this.#log)
  }
}

function rejectAll(chunk: Pending[], error: Error): void {
  for (const { reject } of chunk) reject(error)
}

/** The broker's error in Kafka's own words, from wherever kafkajs has wrapped it. */
function protocolErrorOf(error: unknown): string | undefined {
  return causesOf(error).find((cause) => cause instanceof KafkaJSProtocolError)?.type
}
