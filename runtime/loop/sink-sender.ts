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

export class SinkSender {
  readonly #parts: { outbox: Outbox; clock: Clock; log: Log; stats: StageStats }
  readonly #over: AbortSignal

  /** `over` is aborted when no more time is given. */
  constructor(parts: { outbox: Outbox; clock: Clock; log: Log; stats: StageStats }, over: AbortSignal) {
    this.#parts = parts
    this.#over = over
  }

  /** In sends of bounded size, so that no request outgrows what the broker takes. Rejects with Halt, Reject or when it is over. */
  async send(records: OutgoingRecord[]): Promise<void> {
    await Promise.all(Array.from(chunksOf(records), (chunk) => this.#sendUntilAcknowledged(chunk)))
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

function* chunksOf(records: OutgoingRecord[]): Generator<OutgoingRecord[]> {
  let start = 0
  let bytes = 0
  for (const [index, { value }] of records.entries()) {
    bytes += (value?.length ?? 0) + RECORD_OVERHEAD_BYTES
    if (bytes < SEND_BYTES) continue
    yield records.slice(start, index + 1)
    start = index + 1
    bytes = 0
  }
  if (start < records.length) yield records.slice(start)
}
