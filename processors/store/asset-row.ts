/** What becomes of an asset: the values of its row, of its detail and of its frames. */
import { Reject, type RowOrigin } from '#runtime/api.ts'
import type { AssetClustered, Embedding, Fingerprint, Normal, Tag } from '#schemas'
import { modelOf, type Model } from './model-ids.ts'
import { currentTagNames, type TagNames } from './tag-names.ts'
import { KINDS, RELATIONS } from './vocabulary.ts'

/** What is asked of a row after its tuples are made. */
export interface KeptAsset {
  /** Lower case. */
  id: string
  /** As the announcement tells it. */
  relationName: string
  canonicalId: string | null
  cluster: number | null
  /** Those of the tags; null when there are none. */
  tagNames: TagNames | null
  /** Of the vector. */
  model: Model | null
}

export interface AssetRow extends KeptAsset {
  origin: RowOrigin
  kind: number
  width: number | null
  height: number | null
  durationMicros: number | null
  bytes: number
  sha256: Buffer
  relation: number
  distance: number | null
  matched: number | null
  timeOffsetMicros: number | null
  clusterSimilarity: number | null
  nsfw: boolean | null
  /** Best first. */
  tags: readonly Tag[]
  embedding: Embedding | null
  /** Of the still, or of the first key frame. */
  first: FrameHashes | null
  detail: AssetDetail
  /** Of videos and animations; empty for stills and sound. */
  frames: FrameRow[]
}

export interface FrameHashes { pixels: Buffer; blockhash: Buffer; pdq: Buffer; quality: number }

export interface AssetDetail {
  source: string
  sourceId: string | null
  uri: string
  finalUri: string | null
  mediaType: string
  codec: string
  evidence: string | null
  /** Key, value, key, value. */
  attributes: string[] | null
}

export interface FrameRow {
  assetId: string
  frame: number
  ptsMicros: number
  blob: Buffer
  hashes: FrameHashes | null
  embedding: Buffer | null
}

/** A vector lies in the row, and a row in a page of 8 kB. */
const MAX_DIMENSIONS = 3_500

/** Whether ids are uuids shows when they are packed. @throws Reject `store.*` for what can never be a row */
export function toRow(asset: AssetClustered, origin: RowOrigin): AssetRow {
  const { content, normal, fingerprint, verdict, embedding, tags, placement } = asset
  checkVectors(embedding)
  const id = asset.assetId.toLowerCase()
  const relation = numberOf(RELATIONS, verdict.relation)
  return {
    origin, id,
    kind: numberOf(KINDS, normal.kind), width: normal.width, height: normal.height, durationMicros: normal.durationMicros,
    bytes: content.bytes, sha256: content.sha256,
    // Of the list, which all rows share; the record's own would be one string more for each.
    relation, relationName: RELATIONS[relation]!,
    canonicalId: verdict.of?.toLowerCase() ?? null,
    distance: verdict.distance, matched: verdict.matched, timeOffsetMicros: verdict.timeOffsetMicros,
    cluster: placement?.cluster ?? null, clusterSimilarity: placement?.similarity ?? null,
    nsfw: tags.nsfw, tags: tags.tags, tagNames: tags.tags.length === 0 ? null : currentTagNames(), embedding, model: embedding && modelOf(embedding),
    first: fingerprint.frames[0] ?? null,
    detail: detailOf(asset),
    frames: normal.kind === 'video' ? framesOf(id, normal, fingerprint, embedding) : [],
  }
}

function detailOf({ submission, content, normal, verdict }: AssetClustered): AssetDetail {
  return {
    source: text(submission.source), sourceId: submission.sourceId === null ? null : text(submission.sourceId),
    uri: text(submission.uri), finalUri: content.finalUri === submission.uri ? null : text(content.finalUri),
    mediaType: text(content.sniffedType), codec: text(normal.codec), evidence: verdict.evidence === '' ? null : text(verdict.evidence),
    attributes: attributesOf(submission.attributes),
  }
}

function attributesOf(attributes: Record<string, string>): string[] | null {
  const pairs = Object.entries(attributes)
  return pairs.length === 0 ? null : pairs.flat().map(text)
}

function framesOf(assetId: string, normal: Normal, fingerprint: Fingerprint, embedding: Embedding | null): FrameRow[] {
  return normal.frames.map(({ ptsMicros, blob }, frame) => ({
    assetId, frame, ptsMicros, blob, hashes: fingerprint.frames[frame] ?? null, embedding: embedding?.frames[frame] ?? null,
  }))
}

function checkVectors(embedding: Embedding | null): void {
  if (!embedding) return
  const { dimensions, vector, frames } = embedding
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) throw new Reject('store.bad-vector', `A vector of ${dimensions} numbers fits no row.`)
  checkLength(vector, dimensions)
  for (const frame of frames) checkLength(frame, dimensions)
}

function checkLength({ length }: Buffer, dimensions: number): void {
  if (length !== 2 * dimensions) throw new Reject('store.bad-vector', `A vector of ${dimensions} numbers has ${length} bytes.`)
}

function text(value: string): string {
  if (value.includes('\0')) throw new Reject('store.unstorable-text', `The text ${JSON.stringify(value.slice(0, 64))} holds NUL.`)
  return value
}

function numberOf(names: readonly string[], name: string): number {
  const number = names.indexOf(name)
  if (number < 0) throw new Reject('store.unknown-kind', `${JSON.stringify(name.slice(0, 40))} is none of ${names.join(', ')}.`)
  return number
}
