/** From a checked submission to the record on `asset.submitted`. */
import type { Codec } from '#runtime/avro/codec.ts'
import { EVENT_ID_HEADER } from '#runtime/loop/event-id.ts'
import type { OutgoingRecord } from '#runtime/loop/ports.ts'
import { encodeRecord, TRACE_HEADER } from '#runtime/loop/record-encoder.ts'
import { deriveSpanId, deriveTraceId, formatTraceparent } from '#runtime/telemetry/trace-parent.ts'
import { assetSubmitted } from '#topics'
import { createHash } from 'node:crypto'
import { factsOf, type Located } from './submission.ts'

export interface Event {
  assetId: string
  submittedAtMs: number
  submission: Located
}

/** @throws Reject `record.too-big` */
export function encodeEvent(codec: Codec, { assetId, submittedAtMs, submission }: Event): OutgoingRecord {
  const outgoing = assetSubmitted({ assetId, submission: factsOf(submission, submittedAtMs) })
  return encodeRecord(codec, outgoing, submittedAtMs, {
    [EVENT_ID_HEADER]: submissionEventId(assetId),
    [TRACE_HEADER]: submission.traceparent ?? derivedTraceparent(assetId),
  })
}

/** The same for the same asset, so that a second submission leads to the same events and not to new ones (I2). */
export function submissionEventId(assetId: string): string {
  return createHash('sha256').update(`submit\0${assetId}`).digest('hex').slice(0, 32)
}

/** The trace that can be computed from any row: `deriveTraceId` of its asset id. */
function derivedTraceparent(assetId: string): string {
  return formatTraceparent({ traceId: deriveTraceId(assetId), spanId: deriveSpanId('submit', assetId), sampled: true })
}
