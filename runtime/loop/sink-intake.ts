/** From a record to a row or a failure. Decoding may wait for the registry; everything else is pure. */
import { sleepUnlessAborted, type Clock } from '../clock.ts'
import type { Sink } from '../define/sink.ts'
import { Reject, RetryLater, reasonOf, verdictOf } from '../errors.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { backoffMs } from './backoff.ts'
import { parseDeadLetter } from './dead-letter.ts'
import type { Failure, SourceRecord } from './ports.ts'
import { RecordOrigin } from './record-origin.ts'
import type { SinkLane } from './sink-lane.ts'
import type { Entry } from './sink-queue.ts'

/** Until the registry answers: the partition waits, the others go on. */
const RETRY = { firstDelayMs: 200, maxDelayMs: 10_000 }

/** Code of an error that is no verdict: a defect of the sink. */
export const UNCLASSIFIED = 'runtime.unclassified'

/** Of an entry with its record and span, roughly; and of a failure's texts. */
const ENTRY_BYTES = 300
const FAILURE_BYTES = 500

export interface SinkIntakeParts<In, Row> {
  sink: Sink<In, Row>
  /** The record's value; checks that its key belongs to it. @throws Reject, RetryLater */
  decode(record: SourceRecord): In | Promise<In>
  tracing: Tracing
  clock: Clock
}

export class SinkIntake<In, Row> {
  readonly #parts: SinkIntakeParts<In, Row>

  constructor(parts: SinkIntakeParts<In, Row>) {
    this.#parts = parts
  }

  /** The record's entry; a promise only when it has to wait. Undefined when it waited and `signal` was aborted. */
  take(lane: SinkLane, record: SourceRecord, signal: AbortSignal): Entry<Row> | Promise<Entry<Row> | undefined> {
    if (record.topic !== this.#parts.sink.reads.name) return this.#entry(lane, record, FAILURE_BYTES, undefined, parseDeadLetter(record))
    try {
      const value = this.#parts.decode(record)
      return value instanceof Promise ? this.#waitFor(value, lane, record, signal) : this.#rowEntry(lane, record, value)
    } catch (error) {
      return isRetry(error) ? this.#again(error, 1, lane, record, signal) : this.#failureEntry(lane, record, error)
    }
  }

  async #waitFor(decoding: Promise<In>, lane: SinkLane, record: SourceRecord, signal: AbortSignal, attempt = 1): Promise<Entry<Row> | undefined> {
    try {
      return this.#rowEntry(lane, record, await decoding)
    } catch (error) {
      return isRetry(error) ? this.#again(error, attempt, lane, record, signal) : this.#failureEntry(lane, record, error)
    }
  }

  async #again(error: RetryLater, attempt: number, lane: SinkLane, record: SourceRecord, signal: AbortSignal): Promise<Entry<Row> | undefined> {
    await sleepUnlessAborted(this.#parts.clock, backoffMs(this.#parts.clock, RETRY, attempt, error.afterMs), signal)
    if (signal.aborted || !lane.isLive) return undefined
    return this.#waitFor(this.#decodeLater(record), lane, record, signal, attempt + 1)
  }

  async #decodeLater(record: SourceRecord): Promise<In> {
    return this.#parts.decode(record)
  }

  #rowEntry(lane: SinkLane, record: SourceRecord, value: In): Entry<Row> {
    try {
      const row = this.#parts.sink.toRow(value, new RecordOrigin(record))
      return this.#entry(lane, record, this.#parts.sink.sizeOf(row), row)
    } catch (error) {
      return this.#failureEntry(lane, record, error)
    }
  }

  #failureEntry(lane: SinkLane, record: SourceRecord, error: unknown): Entry<Row> {
    const verdict = verdictOf(error)
    const code = verdict instanceof Reject ? verdict.code : UNCLASSIFIED
    return this.#entry(lane, record, FAILURE_BYTES, undefined, ownFailure(this.#parts.sink.name, record, code, reasonOf(error)), true)
  }

  #entry(lane: SinkLane, record: SourceRecord, bytes: number, row: Row | undefined, failure?: Failure, needsLetter = false): Entry<Row> {
    const { sink, tracing, clock } = this.#parts
    // Whole milliseconds: a number with a fraction would be an object of its own.
    const arrivedMs = Math.ceil(clock.monotonicMs())
    return { lane, record, span: tracing.begin(sink, record), row, failure, needsLetter, heldBytes: record.size + bytes + ENTRY_BYTES, arrivedMs }
  }
}

/** A failure that is the sink's own verdict. */
export function ownFailure(stage: string, record: SourceRecord, code: string, reason: string): Failure {
  const { eventTimeMs, traceId, topic, partition, offset } = new RecordOrigin(record)
  const key = record.key?.toString('utf8') ?? null
  return { stage, code, reason, key, topic, partition, offset, attempts: 1, eventTimeMs, traceId, value: record.value }
}

function isRetry(error: unknown): error is RetryLater {
  return verdictOf(error) instanceof RetryLater
}
