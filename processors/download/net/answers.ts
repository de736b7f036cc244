/** What an answer of a server means. */
import { Reject, RetryLater } from '#runtime/api.ts'

/** An absurd wish must not hold a partition's progress for days; after this the server may say it again. */
const MAX_RETRY_AFTER_MS = 15 * 60_000

const REJECTED: Readonly<Record<number, string>> = {
  401: 'download.forbidden', 403: 'download.forbidden', 404: 'download.not-found', 410: 'download.gone', 451: 'download.forbidden',
}

/** Request timeout, too early: as passing as a 5xx. */
const PASSING = new Set([408, 425])

/** The verdict on a status that brings no file. */
export function verdictOnStatus(status: number, host: string, retryAfterMs: number | undefined): Reject | RetryLater {
  const reason = `${host} answered ${status}`
  const after = retryAfterMs === undefined ? {} : { afterMs: retryAfterMs }
  if (status === 429) return new RetryLater('download.busy', reason, after)
  if (status >= 500 || PASSING.has(status)) return new RetryLater('download.server-error', reason, after)
  return new Reject(REJECTED[status] ?? 'download.http-status', reason)
}

/** Milliseconds from now that a Retry-After asks for, in seconds or as a date (RFC 9110 10.2.3); undefined without a usable one. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  const ms = /^\s*\d{1,12}\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isNaN(ms) || ms < 0 ? undefined : Math.min(ms, MAX_RETRY_AFTER_MS)
}

export interface ContentRange {
  start: number
  total: number | undefined
}

/** `bytes 10-19/20`; undefined when it is not of that form. */
export function contentRange(header: string | undefined): ContentRange | undefined {
  const [, start, total] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(header ?? '') ?? []
  if (start === undefined || total === undefined) return undefined
  return { start: Number(start), total: total === '*' ? undefined : Number(total) }
}

const TLS_FAILURE = /^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO)/
const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'])

/** The verdict on an exchange that broke down. */
export function verdictOnBreakdown(error: unknown, host: string): Reject | RetryLater {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code'
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return new Reject('download.headers-too-big', `${host} sent more than 16 KiB of headers`, { cause: error })
  if (TIMEOUTS.has(code)) return new RetryLater('download.timeout', `${host} was silent for too long (${code})`, { cause: error })
  if (TLS_FAILURE.test(code)) return new RetryLater('download.tls', `${host} did not prove its identity (${code})`, { cause: error })
  return new RetryLater('download.connection', `the connection to ${host} failed (${code})`, { cause: error })
}
