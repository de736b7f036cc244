/** What the loops tell about a record's way through a stage. */
import { deriveTraceId, readTraceparent, writeTraceparent } from './trace-parent.ts'
import { eventId } from '../loop/event-id.ts'
import type { SourceRecord } from '../loop/ports.ts'

export type Outcome = 'written' | 'dead' | 'abandoned'

export interface RecordSpan {
  /** For the headers of what the record leads to. */
  traceparent: string
  retried(code: string): void
  end(outcome: Outcome, code?: string): void
}

interface StageVersion { name: string; version: number }

export interface Tracing {
  begin(stage: StageVersion, record: SourceRecord): RecordSpan
}

/**
 * Carries the trace on without recording spans. The ids are derived from the record, so a redelivery repeats them: the
 * span's is the first half of its first output's event id, and an asset without a traceparent gets the trace that
 * belongs to its key.
 */
export const passTraceOn: Tracing = {
  begin: (stage, record) => new PassedTrace(stage, record),
}

/** Made for every record, and asked for its traceparent by those that lead to something. */
class PassedTrace implements RecordSpan {
  readonly #stage: StageVersion
  readonly #record: SourceRecord

  constructor(stage: StageVersion, record: SourceRecord) {
    this.#stage = stage
    this.#record = record
  }

  get traceparent(): string {
    const parent = readTraceparent(this.#record.headers['traceparent'])
    return writeTraceparent({
      traceId: parent?.traceId ?? deriveTraceId(this.#record.key?.toString('utf8') ?? '').toString('hex'),
      spanId: eventId(this.#stage, this.#record, 0).slice(0, 16),
      sampled: parent?.sampled ?? false,
    })
  }

  retried(): void {}
  end(): void {}
}
