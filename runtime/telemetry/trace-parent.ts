/** W3C Trace Context `traceparent` (https://www.w3.org/TR/trace-context/, version 00). */
import { createHash } from 'node:crypto'

export interface TraceParent {
  /** 16 bytes. */
  traceId: Buffer
  /** 8 bytes. */
  spanId: Buffer
  sampled: boolean
}

const PATTERN = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/

/** A traceparent whose ids are hexadecimal text, as in the header. */
export interface TraceFields { traceId: string; spanId: string; sampled: boolean }

const NO_TRACE = '0'.repeat(32)
const NO_SPAN = '0'.repeat(16)

/** Longer ones are none: a later version may add fields, but not without end. */
const MAX_CHARACTERS = 128

const ODD_DIGITS = '13579bdf'

/** The fields of a header, or null for anything that is not a valid traceparent: then a new trace begins. */
export function readTraceparent(header: string | Buffer | undefined): TraceFields | null {
  if (header === undefined || header.length > MAX_CHARACTERS) return null
  const text = typeof header === 'string' ? header : header.toString('latin1')
  // Once it has this form its parts have their places: cutting them out takes a third of what groups take.
  if (!PATTERN.test(text) || text.startsWith('ff')) return null
  const traceId = text.slice(3, 35)
  const spanId = text.slice(36, 52)
  if (traceId === NO_TRACE || spanId === NO_SPAN) return null
  return { traceId, spanId, sampled: ODD_DIGITS.includes(text.charAt(54)) }
}

/** The 16 bytes of the trace id in a header; null for anything that is not a valid traceparent. */
export function traceIdIn(header: Buffer | undefined): Buffer | null {
  const fields = readTraceparent(header)
  return fields && Buffer.from(fields.traceId, 'hex')
}

/** The same with ids as bytes. */
export function parseTraceparent(header: string | Buffer | undefined): TraceParent | null {
  const fields = readTraceparent(header)
  return fields && { traceId: Buffer.from(fields.traceId, 'hex'), spanId: Buffer.from(fields.spanId, 'hex'), sampled: fields.sampled }
}

export function writeTraceparent({ traceId, spanId, sampled }: TraceFields): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceParent): string {
  return writeTraceparent({ traceId: traceId.toString('hex'), spanId: spanId.toString('hex'), sampled })
}

/**
 * The trace of an asset whose event brought none: derived from its id, so that it can be computed from any row and
 * a redelivered event lands in the same trace.
 */
export function deriveTraceId(key: string): Buffer {
  return createHash('sha256').update('trace\0').update(key).digest().subarray(0, 16)
}

/** A span id that a redelivery repeats. */
export function deriveSpanId(...parts: string[]): Buffer {
  return createHash('sha256').update(`span\0${parts.join('\0')}`).digest().subarray(0, 8)
}
