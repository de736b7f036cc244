/** What a producer may say about an asset, and the checks that tell it at once what it said wrong. */
import { validate as isUuid, version as uuidVersion } from 'uuid'
import type { ClaimedTag, Submission as SubmissionFacts } from '#schemas'
import { parseTraceparent } from '#runtime/telemetry/trace-parent.ts'

/** One media file to be processed. Exactly one of `uri`, `bytes` and `path` says where its bytes are. */
export interface Submission {
  /** `http:`, `https:`, `file:` or `blob:<sha256 hex>`. Without credentials: they would be copied into every record. */
  uri?: string
  /** The file itself: put into the blob store before the event is sent. */
  bytes?: Uint8Array
  /** A file of this machine: put into the blob store, or with `byPath` left where it is. */
  path?: string
  /** Submits a `file:` URI; the pipeline must be allowed to read there (SLUICE_FILE_ROOTS). */
  byPath?: boolean
  /** Name of the producing system, 1 to 128 characters; the producer's own by default. */
  source?: string
  /** The asset's identifier in that system. */
  sourceId?: string
  /** Names, or names with a confidence from 0 to 1. */
  tags?: readonly (string | { name: string; confidence?: number })[]
  /** The producer's own judgement. */
  nsfw?: boolean
  /** Passed through; names and values are text. */
  attributes?: Readonly<Record<string, string>>
  /** The producer's own JSON, kept byte for byte, at most 64 KiB. */
  raw?: Uint8Array | string
  /** SHA-256 that the bytes must have, 32 bytes or 64 hexadecimal digits. */
  sha256?: Uint8Array | string
  /** W3C trace context to go on with; a trace derived from the asset id is begun otherwise. */
  traceparent?: string
  /** UUIDv7. Submitting an id again is harmless: the pipeline repeats its answer. A new one by default. */
  assetId?: string
  /** Unix milliseconds, now by default; at most a day ago, since topics forget records by this time. */
  submittedAtMs?: number
}

/** The submission breaks a rule; nothing was sent. */
export class InvalidSubmissionError extends Error {
  override readonly name = 'InvalidSubmissionError'
  /** The field that is wrong. */
  readonly field: string

  constructor(field: string, reason: string) {
    super(`${field} ${reason}`)
    this.field = field
  }
}

const MAX = { source: 128, sourceId: 1_024, uri: 8_192, tags: 1_000, tagName: 256, attributes: 100, attribute: 4_096, rawBytes: 65_536 } as const
const DAY_MS = 24 * 3_600_000
/** Clocks of producers differ by so much; brokers refuse records from further ahead. */
const AHEAD_MS = 60_000

/** `bytes` or `path` with the address that is known only once they are in the store. */
export type Located = Submission & { uri: string }

/**
 * Checks everything but the bytes.
 * @throws InvalidSubmissionError
 */
export function checkSubmission(submission: Submission, nowMs: number): void {
  checkPlace(submission)
  checkText('source', submission.source, MAX.source)
  if (submission.sourceId !== undefined) checkText('sourceId', submission.sourceId, MAX.sourceId)
  checkTags(submission.tags ?? [])
  checkAttributes(submission.attributes ?? {})
  if (byteLength(submission.raw) > MAX.rawBytes) throw new InvalidSubmissionError('raw', `has ${byteLength(submission.raw)} bytes; at most ${MAX.rawBytes} are kept`)
  if (submission.sha256 !== undefined) sha256Of(submission.sha256)
  if (submission.traceparent !== undefined && parseTraceparent(submission.traceparent) === null) throw new InvalidSubmissionError('traceparent', 'is no W3C trace context, 00-<32 hex>-<16 hex>-<2 hex>')
  if (submission.assetId !== undefined) checkAssetId('assetId', submission.assetId)
  checkTime(submission.submittedAtMs ?? nowMs, nowMs, submission.assetId)
}

/** Memory of a submission on its way, without the bytes that it points to. */
export function sizeOf({ uri = '', sourceId = '', tags = [], attributes = {}, raw }: Submission): number {
  const texts = [uri, sourceId, ...tags.map((tag) => toClaimed(tag).name), ...Object.entries(attributes).flat()]
  return texts.reduce((sum, text) => sum + text.length, 500 + byteLength(raw))
}

/** When an id of version 7 was made, Unix milliseconds (RFC 9562, 5.7: its first 48 bits). */
export function bornMsOf(assetId: string): number {
  return Number.parseInt(assetId.slice(0, 8) + assetId.slice(9, 13), 16)
}

/** @throws InvalidSubmissionError */
export function checkAssetId(field: string, id: string): void {
  if (!isUuid(id) || uuidVersion(id) !== 7) throw new InvalidSubmissionError(field, `must be a UUID of version 7, not ${show(id)}`)
}

/** The facts of a checked submission, as the schema has them. */
export function factsOf(submission: Located, submittedAt: number): SubmissionFacts {
  const { source = '', sourceId, uri, sha256, nsfw, attributes, raw } = submission
  return {
    source, uri, submittedAt,
    sourceId: sourceId ?? null,
    sha256: sha256 === undefined ? null : sha256Of(sha256),
    tags: (submission.tags ?? []).map(toClaimed),
    nsfw: nsfw ?? null,
    attributes: { ...attributes },
    raw: raw === undefined ? null : Buffer.from(raw as Uint8Array),
  }
}

/** @throws InvalidSubmissionError */
export function sha256Of(value: Uint8Array | string): Buffer {
  const bytes = typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value) ? Buffer.from(value, 'hex') : Buffer.from(value as Uint8Array)
  if (bytes.length !== 32 || (typeof value === 'string' && value.length !== 64)) throw new InvalidSubmissionError('sha256', 'must be 32 bytes or 64 hexadecimal digits')
  return bytes
}

function checkPlace({ uri, bytes, path, byPath }: Submission): void {
  const given = [uri, bytes, path].filter((place) => place !== undefined)
  if (given.length !== 1) throw new InvalidSubmissionError('uri', `, bytes or path: give exactly one of them, not ${given.length}`)
  if (uri !== undefined) checkUri(uri)
  if (bytes !== undefined && bytes.length === 0) throw new InvalidSubmissionError('bytes', 'is empty')
  if (byPath && path === undefined) throw new InvalidSubmissionError('byPath', 'needs a path')
}

function checkUri(uri: string): void {
  checkText('uri', uri, MAX.uri)
  const url = URL.parse(uri)
  if (!url || !['http:', 'https:', 'file:', 'blob:'].includes(url.protocol)) throw new InvalidSubmissionError('uri', `must be an http, https, file or blob URI, not ${show(uri)}`)
  if (url.username !== '' || url.password !== '') throw new InvalidSubmissionError('uri', 'must not carry credentials')
  if (url.protocol === 'blob:' && !/^blob:[0-9a-f]{64}$/.test(uri)) throw new InvalidSubmissionError('uri', 'of a blob is blob:<64 hexadecimal digits>')
}

function checkText(field: string, value: unknown, maxCharacters: number): void {
  if (typeof value !== 'string' || value === '') throw new InvalidSubmissionError(field, 'must be text and not empty')
  if (value.length > maxCharacters) throw new InvalidSubmissionError(field, `has ${value.length} characters; at most ${maxCharacters} are taken`)
  if (!value.isWellFormed()) throw new InvalidSubmissionError(field, 'is not well-formed Unicode')
  // Postgres keeps no NUL in text.
  if (value.includes('\0')) throw new InvalidSubmissionError(field, 'must not contain a NUL character')
}

function checkTags(tags: NonNullable<Submission['tags']>): void {
  if (tags.length > MAX.tags) throw new InvalidSubmissionError('tags', `are ${tags.length}; at most ${MAX.tags} are taken`)
  tags.map(toClaimed).forEach(({ name, confidence }, index) => {
    checkText(`tags[${index}]`, name, MAX.tagName)
    if (!(confidence >= 0 && confidence <= 1)) throw new InvalidSubmissionError(`tags[${index}]`, `has the confidence ${confidence}; it is from 0 to 1`)
  })
}

function toClaimed(tag: string | { name: string; confidence?: number }): ClaimedTag {
  return typeof tag === 'string' ? { name: tag, confidence: 1 } : { name: tag.name, confidence: tag.confidence ?? 1 }
}

function checkAttributes(attributes: Readonly<Record<string, string>>): void {
  const entries = Object.entries(attributes)
  if (entries.length > MAX.attributes) throw new InvalidSubmissionError('attributes', `are ${entries.length}; at most ${MAX.attributes} are taken`)
  for (const [name, value] of entries) {
    checkText('attributes', name, MAX.attribute)
    if (value !== '') checkText(`attributes.${name.slice(0, 64)}`, value, MAX.attribute)
  }
}

function checkTime(submittedAtMs: number, nowMs: number, assetId?: string): void {
  if (!Number.isInteger(submittedAtMs)) throw new InvalidSubmissionError('submittedAtMs', 'must be whole Unix milliseconds')
  if (submittedAtMs > nowMs + AHEAD_MS) throw new InvalidSubmissionError('submittedAtMs', 'lies in the future')
  if (submittedAtMs < nowMs - DAY_MS) {
    throw new InvalidSubmissionError('submittedAtMs', 'is more than a day ago, and topics forget records by this time; put the date of the media into attributes')
  }
  // Who waits for the asset looks for its announcement from the id's time on.
  if (assetId !== undefined && submittedAtMs < bornMsOf(assetId) - AHEAD_MS) throw new InvalidSubmissionError('submittedAtMs', 'lies before the time of assetId')
}

function byteLength(raw: Submission['raw']): number {
  return typeof raw === 'string' ? Buffer.byteLength(raw) : (raw?.length ?? 0)
}

function show(text: unknown): string {
  return JSON.stringify(String(text).slice(0, 80))
}
