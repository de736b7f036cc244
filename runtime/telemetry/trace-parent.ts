/** W3C Trace Context `traceparent` (https://www.w3.org/TR/trace-context/, version 00). */
import { createHash, hash } from 'node:crypto'

export interface TraceParent {
  /** 16 bytes. */
  traceId: Buffer
  /** 8 bytes. */
  spanId: Buffer
  sampled: boolean
}

const PATTERN = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** A traceparent whose ids are hexadecimal text, as in the header. */
export interface TraceFields { traceId: string; spanId: string; sampled: boolean }

const NO_TRACE = '0'.repeat(32)
const NO_SPAN = '0'.repeat(16)

/** The fields of a header, or null for anything that is not a valid traceparent: then a new trace begins. */
export function readTraceparent(header: string | Buffer | undefined): TraceFields | null {
  if (header === undefined || header.length > 128) return null
  const match = PATTERN.exec(typeof header === 'string' ? header : header.toString('latin1'))
  if (!match || match[1] === 'ff') return null
  const [, , traceId, spanId, flags] = match as unknown as [string, string, string, string, string]
  if (traceId === NO_TRACE || spanId === NO_SPAN) return null
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 }
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
  return Buffer.from(spanIdOf(...parts), 'hex')
}

/** The same as hexadecimal text. */
export function spanIdOf(...parts: string[]): string {
  return hash('sha256', `span\0${parts.join('\0')}`, 'hex').slice(0, 16)
}
