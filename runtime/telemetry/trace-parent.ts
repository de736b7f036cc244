/**
 * W3C Trace Context `traceparent` (https://www.w3.org/TR/trace-context/, version 00):
 *
 *   00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
 *   0  3                                36               53     version, trace id, span id, flags
 *
 * Read from the header's bytes: every record has one, and strings would cost several times as much.
 */
import { createHash } from 'node:crypto'

export interface TraceParent {
  /** 16 bytes. */
  traceId: Buffer
  /** 8 bytes. */
  spanId: Buffer
  sampled: boolean
}

const VERSION = 0, TRACE_ID = 3, SPAN_ID = 36, FLAGS = 53, END = 55

/** Longer ones are none: a later version may add fields, but not without end. */
const MAX_BYTES = 128

const DASH = '-'.charCodeAt(0)
const F = 'f'.charCodeAt(0)

/** More than any digit, in bits that no digit has: one of these among digits shows in the OR of all. */
const NO_DIGIT = 16

/** By byte: the value of a hexadecimal digit in lower case. */
const DIGITS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(byte))
  return value < 0 ? NO_DIGIT : value
})

/** Null for anything that is not a valid traceparent: then a new trace begins. */
export function parseTraceparent(header: string | Buffer | undefined): TraceParent | null {
  const bytes = typeof header === 'string' ? Buffer.from(header) : header
  if (!isTraceparent(bytes)) return null
  return { traceId: bytesOf(bytes, TRACE_ID, 16), spanId: bytesOf(bytes, SPAN_ID, 8), sampled: isSampled(bytes) }
}

/** The 16 bytes of the trace id in a header; null for anything that is not a valid traceparent. */
export function traceIdIn(header: Buffer | undefined): Buffer | null {
  return isTraceparent(header) ? bytesOf(header, TRACE_ID, 16) : null
}

/** The traceparent of a child of the header's span; null when the header holds none. `spanId` has 16 digits. */
export function childTraceparent(header: Buffer | undefined, spanId: string): string | null {
  if (!isTraceparent(header)) return null
  return `00-${header.toString('latin1', TRACE_ID, SPAN_ID)}${spanId}-${isSampled(header) ? '01' : '00'}`
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId.toString('hex')}-${spanId.toString('hex')}-${sampled ? '01' : '00'}`
}

/** A version other than ff, ids of more than zeros, and dashes between; what a later version adds comes after one more dash. */
function isTraceparent(bytes: Buffer | undefined): bytes is Buffer {
  if (bytes === undefined || bytes.length < END || bytes.length > MAX_BYTES) return false
  if (bytes[TRACE_ID - 1] !== DASH || bytes[SPAN_ID - 1] !== DASH || bytes[FLAGS - 1] !== DASH) return false
  if (bytes.length > END && bytes[END] !== DASH) return false
  if (digits(bytes, VERSION, TRACE_ID - 1) >= NO_DIGIT || (bytes[VERSION] === F && bytes[VERSION + 1] === F)) return false
  const traceId = digits(bytes, TRACE_ID, SPAN_ID - 1)
  const spanId = digits(bytes, SPAN_ID, FLAGS - 1)
  return traceId > 0 && traceId < NO_DIGIT && spanId > 0 && spanId < NO_DIGIT && digits(bytes, FLAGS, END) < NO_DIGIT
}

/** The OR of the digits' values: 0 when all are zeros, `NO_DIGIT` or more when one is no digit. */
function digits(bytes: Buffer, start: number, end: number): number {
  let all = 0
  for (let at = start; at < end; at++) all |= DIGITS[bytes[at]!]!
  return all
}

function isSampled(traceparent: Buffer): boolean {
  return (DIGITS[traceparent[END - 1]!]! & 1) === 1
}

function bytesOf(traceparent: Buffer, start: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; at++) bytes[at] = (DIGITS[traceparent[start + 2 * at]!]! << 4) | DIGITS[traceparent[start + 2 * at + 1]!]!
  return bytes
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
