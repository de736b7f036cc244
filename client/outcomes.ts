/** What became of assets, as the pipeline announces it on `asset.stored` and `asset.failed`. */
import { LRUCache } from 'lru-cache'
import type { Codec } from '#runtime/avro/codec.ts'
import type { Clock } from '#runtime/clock.ts'
import { reasonOf } from '#runtime/errors.ts'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import type { Log } from '#runtime/log.ts'
import { assetFailed, assetStored } from '#topics'
import type { AssetFailed, AssetStored } from '#schemas'
import { TopicReader } from './topic-reader.ts'

/** A stage gave the asset up; its row is in the table of failures, and its dead letter can be redriven. */
export class AssetFailedError extends Error {
  override readonly name = 'AssetFailedError'
  readonly assetId: string
  readonly stage: string
  readonly code: string
  readonly reason: string

  constructor({ assetId, stage, code, reason }: AssetFailed) {
    super(`${stage} gave asset ${assetId} up: ${code}: ${reason}`)
    this.assetId = assetId
    this.stage = stage
    this.code = code
    this.reason = reason
  }
}

/** Nothing was heard of the asset in time; it may still be stored later. */
export class WaitTimeoutError extends Error {
  override readonly name = 'WaitTimeoutError'
}

type Outcome = { stored: AssetStored } | { failed: AssetFailed }

interface Heard { outcome: Outcome; timestampMs: number }

interface Waiter {
  tell(outcome: Outcome): void
  giveUp(error: Error): void
}

/** Outcomes of assets that nobody asked about yet; older ones are read again when somebody does. */
const MAX_REMEMBERED = 20_000
/** Between the clock that made an asset's id and the one that made its event. */
const CLOCK_SKEW_MS = 60_000
/** Read besides, so that who asks for assets newest first does not have the same records read again for each. */
const READ_AHEAD_MS = 60_000

export class Outcomes {
  readonly #connection: KafkaConnection
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #log: Log
  readonly #heard: LRUCache<string, Heard>
  readonly #waiting = new Map<string, Set<Waiter>>()
  #reader: Promise<TopicReader> | undefined
  /** Outcomes from this time on are remembered or will be read. */
  #completeFromMs = Infinity

  constructor(connection: KafkaConnection, codec: Codec, clock: Clock, log: Log, maxRemembered = MAX_REMEMBERED) {
    this.#connection = connection
    this.#codec = codec
    this.#clock = clock
    this.#log = log
    this.#heard = new LRUCache({
      max: maxRemembered,
      dispose: ({ timestampMs }, _, why) => {
        if (why === 'evict') this.#completeFromMs = Math.max(this.#completeFromMs, timestampMs + 1)
      },
    })
  }

  /** @throws AssetFailedError, WaitTimeoutError */
  async of(assetId: string, bornMs: number, timeoutMs: number): Promise<AssetStored> {
    const known = this.#heard.get(assetId)
    const outcome = known?.outcome ?? await this.#await(assetId, bornMs - CLOCK_SKEW_MS, timeoutMs)
    if ('failed' in outcome) throw new AssetFailedError(outcome.failed)
    return outcome.stored
  }

  async close(): Promise<void> {
    this.#giveAllUp(new Error('The producer was closed.'))
    await (await this.#reader?.catch(() => undefined))?.close()
  }

  #await(assetId: string, fromMs: number, timeoutMs: number): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
    const waiter: Waiter = { tell: resolve, giveUp: reject }
    const waiters = this.#waiting.get(assetId) ?? new Set()
    this.#waiting.set(assetId, waiters.add(waiter))
    const cancel = this.#clock.after(timeoutMs, () => reject(new WaitTimeoutError(`Nothing was heard of asset ${assetId} for ${timeoutMs} ms.`)))
    this.#readFrom(fromMs).catch(reject)
    return promise.finally(() => {
      cancel()
      waiters.delete(waiter)
      if (waiters.size === 0 && this.#waiting.get(assetId) === waiters) this.#waiting.delete(assetId)
    })
  }

  async #readFrom(neededMs: number): Promise<void> {
    if (this.#reader && neededMs >= this.#completeFromMs) return void (await this.#reader)
    const fromMs = neededMs - READ_AHEAD_MS
    this.#completeFromMs = Math.min(this.#completeFromMs, fromMs)
    if (this.#reader) return await (await this.#reader).rewind(fromMs)
    this.#reader = this.#open(fromMs)
    this.#reader.catch(() => this.#forgetReader())
    await this.#reader
  }

  #open(fromMs: number): Promise<TopicReader> {
    return TopicReader.open(this.#connection, {
      topics: [assetStored.name, assetFailed.name],
      fromMs,
      onRecord: ({ topic, value, timestampMs }) => this.#hear(topic, value, timestampMs),
      onFailed: (error) => {
        this.#forgetReader()
        this.#giveAllUp(error)
      },
    })
  }

  #forgetReader(): void {
    this.#reader = undefined
    this.#completeFromMs = Infinity
  }

  /** An announcement that cannot be read is of no asset that anybody could wait for here. */
  async #hear(topic: string, value: Buffer | null, timestampMs: number): Promise<void> {
    try {
      const outcome: Outcome = topic === assetStored.name
        ? { stored: await this.#codec.decode(assetStored, value) }
        : { failed: await this.#codec.decode(assetFailed, value) }
      this.#settle(outcome, timestampMs)
    } catch (error) {
      this.#log.warn({ topic, reason: reasonOf(error) }, 'an announcement could not be read')
    }
  }

  #settle(outcome: Outcome, timestampMs: number): void {
    const { assetId } = 'stored' in outcome ? outcome.stored : outcome.failed
    const earlier = this.#heard.peek(assetId)?.outcome
    // After a redrive both are heard, in any order, and the row is what counts.
    if (!earlier || 'failed' in earlier) this.#heard.set(assetId, { outcome, timestampMs })
    for (const waiter of this.#waiting.get(assetId) ?? []) waiter.tell(outcome)
  }

  #giveAllUp(error: Error): void {
    for (const waiters of this.#waiting.values()) for (const waiter of waiters) waiter.giveUp(error)
  }
}
