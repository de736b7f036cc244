/** W3C Trace Context `traceparent` (https://www.w3.org/TR/trace-context/, version 00). */
import { createHash } from 'node:crypto'

export interface TraceParent {
  /** 16 bytes. */
  traceId: Buffer
  /** 8 bytes. */
  spanId: Buffer
  sampled: boolean
}

const PATTERN = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** The parts of a header, or null for anything that is not a valid traceparent: then a new trace begins. */
export function parseTraceparent(header: string | Buffer | undefined): TraceParent | null {
  if (header === undefined || header.length > 128) return null
  const match = PATTERN.exec(typeof header === 'string' ? header : header.toString('latin1'))
  if (!match || match[1] === 'ff') return null
  const [, , traceId, spanId, flags] = match as unknown as [string, string, string, string, string]
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null
  return { traceId: Buffer.from(traceId, 'hex'), spanId: Buffer.from(spanId, 'hex'), sampled: (parseInt(flags, 16) & 1) === 1 }
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId.toString('hex')}-${spanId.toString('hex')}-${sampled ? '01' : '00'}`
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
  return createHash('sha256').update('span\0').update(parts.join('\0')).digest().subarray(0, 8)
}
