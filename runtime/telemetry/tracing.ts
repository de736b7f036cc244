/** What the loops tell about a record's way through a stage. */
import { deriveTraceId, readTraceparent, spanIdOf, writeTraceparent } from './trace-parent.ts'
import { eventId } from '../loop/event-id.ts'
import type { SourceRecord } from '../loop/ports.ts'

export type Outcome = 'written' | 'dead' | 'abandoned'

export interface RecordSpan {
  /** For the headers of what the record leads to. */
  traceparent: string
  retried(code: string): void
  end(outcome: Outcome, code?: string): void
}

export interface Tracing {
  begin(stage: { name: string; version: number }, record: SourceRecord): RecordSpan
}

const untold = (): void => {}

/**
 * Carries the trace on without recording spans. The ids are derived from the record, so a redelivery repeats them;
 * an asset without a traceparent gets the trace that belongs to its key.
 */
export const passTraceOn: Tracing = {
  begin(stage, record) {
    const parent = readTraceparent(record.headers['traceparent'])
    const traceparent = writeTraceparent({
      traceId: parent?.traceId ?? deriveTraceId(record.key?.toString('utf8') ?? '').toString('hex'),
      spanId: spanIdOf(eventId(stage, record, 0)),
      sampled: parent?.sampled ?? false,
    })
    return { traceparent, retried: untold, end: untold }
  },
}
