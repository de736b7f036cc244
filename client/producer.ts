/** The producer's side of the pipeline: submits assets and learns what became of them. */
import { v7 as uuidv7 } from 'uuid'
import { openCodec, type Codec } from '#runtime/avro/codec.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import { openFileStore } from '#runtime/blobs/file-store.ts'
import type { BlobStore } from '#runtime/blobs/store.ts'
import { systemClock, within, type Clock } from '#runtime/clock.ts'
import { Halt, RetryLater } from '#runtime/errors.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import { createLog, type Log } from '#runtime/log.ts'
import { Slots } from '#runtime/loop/slots.ts'
import { assetFailed, assetStored, assetSubmitted } from '#topics'
import type { AssetStored } from '#schemas'
import { Allowance } from './allowance.ts'
import { encodeEvent } from './event.ts'
import { Outcomes } from './outcomes.ts'
import { locate } from './place.ts'
import { bornMsOf, checkAssetId, checkSubmission, sizeOf, type Located, type Submission } from './submission.ts'

export interface ProducerOptions {
  /** Kafka bootstrap servers, a list or comma-separated. */
  brokers: string | readonly string[]
  /** Schema registry, Confluent API, with its base path. */
  registry: string
  /** Source of submissions that name none. */
  source?: string
  /** Folder of the blob store, shared with the pipeline (SLUICE_BLOBS); needed for `bytes` and `path`. */
  blobsDir?: string
  /** Submissions that are not acknowledged yet; `submit` waits above it. */
  maxOutstanding?: { records?: number; bytes?: number }
  /** How long a submission may wait for its acknowledgement, milliseconds; 120,000 by default. */
  deliveryTimeoutMs?: number
  log?: Log
  clock?: Clock
}

export interface Producer {
  /**
   * Submits one asset. Resolves to its id once all in-sync replicas have the event; submissions under way at the
   * same time share requests, so call it concurrently for throughput. Waits while too much is outstanding.
   * @throws InvalidSubmissionError when nothing was sent
   * @throws RetryLater `kafka.send-timeout`: the event may still arrive; submitting again with the same `assetId` is harmless
   */
  submit(submission: Submission): Promise<string>
  /** Submits many, holding a bounded number of them; yields ids in order. Stops at the first that fails. */
  submitAll(submissions: Iterable<Submission> | AsyncIterable<Submission>): AsyncGenerator<string>
  /**
   * Resolves when the asset's row is committed. Any asset may be waited for, also one of another producer.
   * @throws AssetFailedError when a stage gave it up; WaitTimeoutError after `timeoutMs` (60,000 by default)
   */
  waitUntilStored(assetId: string, options?: { timeoutMs?: number }): Promise<AssetStored>
  /** Resolves when every submission so far has ended, well or not: each one's own promise says how. */
  flush(): Promise<void>
  /** Flushes, for 30 seconds at most, and lets go of everything. Idempotent. */
  close(): Promise<void>
}

const MAX_OUTSTANDING = { records: 2_000, bytes: 16 << 20 }
const DELIVERY_TIMEOUT_MS = 120_000
const CLOSE_FLUSH_MS = 30_000
/** Files on their way into the blob store at once; each waits for the disk. */
const MAX_STORING = 8

/**
 * Connects a producer.
 * @throws Halt `kafka.unreachable`, `kafka.topic-missing`, `registry.not-registered`; RetryLater `registry.unreachable`
 */
export async function createProducer(options: ProducerOptions): Promise<Producer> {
  const { log = createLog('sluice-client', 'warn'), clock = systemClock } = options
  const brokers = typeof options.brokers === 'string' ? options.brokers.split(',') : options.brokers
  const connection = await connectKafka({ brokers, clientId: 'sluice-client' }, log)
  try {
    await checkTopic(connection)
    const codec = await openCodec(connectRegistry(options.registry), [assetSubmitted, assetStored, assetFailed])
    return new KafkaProducer(options, { connection, codec, log, clock })
  } catch (error) {
    await connection.close()
    throw error
  }
}

/** Without this a submission would wait for a topic that nobody will make. */
async function checkTopic({ admin }: KafkaConnection): Promise<void> {
  if ((await admin.listTopics()).includes(assetSubmitted.name)) return
  throw new Halt('kafka.topic-missing', `The broker has no topic ${assetSubmitted.name}.`, 'Run `sluice topics apply`.')
}

interface Surroundings { connection: KafkaConnection; codec: Codec; log: Log; clock: Clock }

class KafkaProducer implements Producer {
  readonly #options: ProducerOptions
  readonly #surroundings: Surroundings
  readonly #outbox: KafkaOutbox
  readonly #outcomes: Outcomes
  readonly #allowance: Allowance
  readonly #storing = new Slots(MAX_STORING)
  readonly #underWay = new Set<Promise<unknown>>()
  #store: Promise<BlobStore> | undefined
  #closed: Promise<void> | undefined

  constructor(options: ProducerOptions, surroundings: Surroundings) {
    const { connection, codec, log, clock } = surroundings
    this.#options = options
    this.#surroundings = surroundings
    this.#outbox = new KafkaOutbox(connection.kafka, clock, log)
    this.#outcomes = new Outcomes(connection, codec, clock, log)
    const { records: maxRecords, bytes: maxBytes } = { ...MAX_OUTSTANDING, ...options.maxOutstanding }
    this.#allowance = new Allowance({ maxRecords, maxBytes })
  }

  submit(submission: Submission): Promise<string> {
    if (this.#closed) return Promise.reject(new Error('The producer is closed.'))
    const submitting = this.#submit(submission)
    this.#underWay.add(submitting)
    const forget = (): void => void this.#underWay.delete(submitting)
    submitting.then(forget, forget)
    return submitting
  }

  async *submitAll(submissions: Iterable<Submission> | AsyncIterable<Submission>): AsyncGenerator<string> {
    const window: Promise<string>[] = []
    const limit = this.#options.maxOutstanding?.records ?? MAX_OUTSTANDING.records
    for await (const submission of submissions) {
      const submitting = this.submit(submission)
      submitting.catch(() => {}) // told when its turn to be yielded comes
      window.push(submitting)
      if (window.length >= limit) yield await window.shift()!
    }
    yield* window
  }

  async waitUntilStored(assetId: string, { timeoutMs = 60_000 }: { timeoutMs?: number } = {}): Promise<AssetStored> {
    checkAssetId('assetId', assetId)
    return this.#outcomes.of(assetId, bornMsOf(assetId), timeoutMs)
  }

  async flush(): Promise<void> {
    await Promise.allSettled([...this.#underWay])
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #submit(given: Submission): Promise<string> {
    const nowMs = this.#surroundings.clock.now()
    const submission = { ...given, source: given.source ?? this.#options.source ?? '' }
    checkSubmission(submission, nowMs)
    const size = sizeOf(submission)
    await this.#allowance.take(size)
    try {
      const { submittedAtMs = nowMs } = submission
      const assetId = submission.assetId ?? newAssetId(submission.submittedAtMs)
      const located = await this.#locate(submission)
      await this.#deliver([encodeEvent(this.#surroundings.codec, { assetId, submittedAtMs, submission: located })])
      return assetId
    } finally {
      this.#allowance.give(size)
    }
  }

  async #locate(submission: Submission): Promise<Located> {
    if (submission.uri !== undefined) return { ...submission, uri: submission.uri }
    await this.#storing.acquire()
    try {
      return await locate(submission, () => this.#openStore())
    } finally {
      this.#storing.release()
    }
  }

  #openStore(): Promise<BlobStore> {
    const { blobsDir } = this.#options
    if (blobsDir === undefined) {
      throw new Halt('client.no-blob-store', 'This producer was given no blob store for bytes and paths.', 'Give createProducer the pipeline\'s blobsDir, or submit a URI.')
    }
    this.#store ??= openFileStore({ dir: blobsDir, clock: this.#surroundings.clock })
    return this.#store
  }

  async #deliver(records: Parameters<KafkaOutbox['send']>[0]): Promise<void> {
    const { deliveryTimeoutMs = DELIVERY_TIMEOUT_MS } = this.#options
    await within(this.#surroundings.clock, deliveryTimeoutMs, this.#outbox.send(records), unacknowledged(deliveryTimeoutMs))
  }

  async #close(): Promise<void> {
    await within(this.#surroundings.clock, CLOSE_FLUSH_MS, this.flush(), () => {})
    await this.#outbox.close()
    await this.#outcomes.close()
    await this.#surroundings.connection.close()
  }
}

/** Ids made here sort in the order in which they were made; one of a given time carries that time. */
function newAssetId(submittedAtMs: number | undefined): string {
  return submittedAtMs === undefined ? uuidv7() : uuidv7({ msecs: submittedAtMs })
}

function unacknowledged(ms: number): () => never {
  return () => {
    throw new RetryLater('kafka.send-timeout', `The broker did not acknowledge within ${ms} ms.`)
  }
}
