/** What the loops tell about a record's way through a stage. */
import { childTraceparent, deriveTraceId, formatTraceparent } from './trace-parent.ts'
import type { RecordHeaders, SourceRecord } from '../loop/ports.ts'

export type Outcome = 'written' | 'dead' | 'abandoned'

export interface RecordSpan {
  /** For the headers of what the record leads to. `headers` are the record's, and `eventId` is that of its first output. */
  traceparentFor(record: SourceRecord, headers: RecordHeaders, eventId: string): string
  retried(code: string): void
  end(outcome: Outcome, code?: string): void
}

interface StageVersion { name: string; version: number }

export interface Tracing {
  /** A span that is not recorded may be shared by all records. */
  begin(stage: StageVersion, record: SourceRecord): RecordSpan
}

/**
 * Carries the trace on without recording spans. The ids are derived from the record, so a redelivery repeats them: the
 * span's is the first half of its first output's event id, and an asset without a traceparent gets the trace that
 * belongs to its key.
 */
export const passTraceOn: Tracing = { begin: () => unrecorded }

const SPAN_ID_DIGITS = 16

/** One for all: it knows nothing of a record, so that none needs an object of its own while it waits. */
const unrecorded: RecordSpan = {
  traceparentFor(record, headers, eventId) {
    const spanId = eventId.slice(0, SPAN_ID_DIGITS)
    return childTraceparent(headers.get('traceparent'), spanId) ?? firstTraceparent(record, spanId)
  },
  retried() {},
  end() {},
}

function firstTraceparent({ key }: SourceRecord, spanId: string): string {
  return formatTraceparent({ traceId: deriveTraceId(key?.toString('utf8') ?? ''), spanId: Buffer.from(spanId, 'hex'), sampled: false })
}
