/** Sends a sink's announcements and dead letters until they are acknowledged. */
import { sleepUnlessAborted, type Clock } from '../clock.ts'
import { Halt, reasonOf, Reject, verdictOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { backoffMs } from './backoff.ts'
import type { Outbox, OutgoingRecord } from './ports.ts'
import type { StageStats } from './stage-stats.ts'

const RETRY = { firstDelayMs: 100, maxDelayMs: 10_000 }

/** A quarter of what a broker takes by default; key, headers and framing of a record are about 300 bytes. */
const SEND_BYTES = 256 << 10
const RECORD_OVERHEAD_BYTES = 300

/**
 * Some 6,000 announcements: few enough that making them holds nothing else up for more than 20 ms and that they take little
 * memory, and so many that a batch waits for the broker a dozen times only.
 */
const SENDS_AT_ONCE = 8

export class SinkSender {
  readonly #parts: { outbox: Outbox; clock: Clock; log: Log; stats: StageStats }
  readonly #over: AbortSignal

  /** `over` is aborted when no more time is given. */
  constructor(parts: { outbox: Outbox; clock: Clock; log: Log; stats: StageStats }, over: AbortSignal) {
    this.#parts = parts
    this.#over = over
  }

  /**
   * In sends of bounded size, so that no request outgrows what the broker takes. Records are asked for as the ones before
   * are acknowledged. Rejects with Halt, Reject or when it is over.
   */
  async send(records: Iterable<OutgoingRecord>): Promise<void> {
    for (const sends of groupsOf(SENDS_AT_ONCE, chunksOf(records))) {
      this.#over.throwIfAborted()
      await Promise.all(sends.map((chunk) => this.#sendUntilAcknowledged(chunk)))
    }
  }

  async #sendUntilAcknowledged(records: OutgoingRecord[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#parts.outbox.send(records)
      } catch (error) {
        const verdict = verdictOf(error)
        if (verdict instanceof Halt || verdict instanceof Reject) throw error
        await this.#backOff(attempt, error)
      }
    }
  }

  async #backOff(attempt: number, error: unknown): Promise<void> {
    this.#parts.stats.retries += 1
    this.#parts.log.warn({ attempt, reason: reasonOf(error) }, 'records were not acknowledged; sending them again')
    await sleepUnlessAborted(this.#parts.clock, backoffMs(this.#parts.clock, RETRY, attempt), this.#over)
    this.#over.throwIfAborted()
  }
}

function* chunksOf(records: Iterable<OutgoingRecord>): Generator<OutgoingRecord[]> {
  let chunk: OutgoingRecord[] = []
  let bytes = 0
  for (const record of records) {
    chunk.push(record)
    bytes += (record.value?.length ?? 0) + RECORD_OVERHEAD_BYTES
    if (bytes < SEND_BYTES) continue
    yield chunk
    chunk = []
    bytes = 0
  }
  if (chunk.length > 0) yield chunk
}

function* groupsOf<T>(size: number, items: Iterable<T>): Generator<T[]> {
  let group: T[] = []
  for (const item of items) {
    group.push(item)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}
