/**
 * Assets as the sink reads them, made from a number: the same number always gives the same asset.
 *
 * 1 in 20 copies an earlier asset and has its vector; 1 in 50 is a video of 3 to 8 key frames, so there are 0.11 frames
 * an asset; all others are stills. Ids are UUIDv7 whose time rises with the number, give or take the three seconds by
 * which downloads and six partitions shuffle what was submitted in order.
 */
import type { RowOrigin } from '#runtime/api.ts'
import type { AssetClustered, Content, DuplicateVerdict, Embedding, FrameFingerprint, Normal, Submission, Tag } from '#schemas'
import { Draw, mix } from './draw.ts'
import { vectorOf } from './vectors.ts'
import { drawRanks, TAG_NAMES } from './words.ts'

/** Assets `from` to `from + count - 1`. */
export interface AssetRange { from: number; count: number }

export const PARTITIONS = 6
export const TOPIC = 'asset.clustered'

const COPY_IN = 20
const VIDEO_IN = 50
const TAGS = 10
const CLUSTERS = 20_000

const FIRST_MS = 1_700_000_000_000
const PER_MS = 2
const JITTER_MS = 3_000

/** A copy's original is among this many assets before it. */
const COPIED_WITHIN = 100_000

const SIZES = [[1024, 768], [1920, 1080], [800, 600], [3000, 2000], [640, 640], [1080, 1350]] as const
const STILLS = [['image/jpeg', 'jpeg', 'jpg'], ['image/jpeg', 'jpeg', 'jpg'], ['image/webp', 'webp', 'webp'], ['image/png', 'png', 'png']] as const
const VIDEO = ['video/mp4', 'h264', 'mp4'] as const
const HOSTS = ['images.example.org', 'media.example.net', 'cdn.pictures.example.com', 'static.shop.example']
const SOURCES = ['catalogue', 'press-archive', 'crawler-eu', 'uploads'] as const
const RELATIONS = ['same-bytes', 'same-bytes', 'same-picture', 'near-copy', 'near-copy'] as const

/** Sequences of one asset that must not repeat each other. */
const FOR = { id: 1, content: 2, pixels: 3, look: 4, frame: 5, tags: 6, facts: 7, copy: 8, trace: 9, video: 10, jitter: 11 } as const

const draw = new Draw()
const random = (n: number, purpose: number, bytes = 32): Buffer => draw.seed(n, purpose).fill(Buffer.allocUnsafe(bytes))
const chance = (n: number, purpose: number): number => mix(n + Math.imul(purpose, 0x9e3779b1))

export const MODEL = { model: 'clip-vit-b32', weightsSha256: random(0, FOR.facts), dimensions: 512 } as const

/** Without the producer's own JSON, which `rawJson` makes. */
export function assetOf(n: number): AssetClustered {
  const original = originalOf(n)
  const relation = original === n ? 'original' : RELATIONS[chance(n, FOR.copy) % RELATIONS.length]!
  const frames = framesOf(original)
  const pixelsOf = relation === 'near-copy' ? n : original
  const content = contentOf(n, relation === 'same-bytes' ? original : n, frames > 0)
  const tags = tagsOf(n)
  return {
    assetId: assetId(n),
    submission: submissionOf(n, content.finalUri, tags),
    content,
    normal: normalOf(n, original, frames),
    fingerprint: { version: 1, frames: Array.from({ length: Math.max(1, frames) }, (_, at) => fingerprintOf(pixelsOf, at)), acoustic: null },
    verdict: verdictOf(original, relation),
    embedding: embeddingOf(original, frames),
    tags: { vocabulary: 1, tags, nsfw: n % 7 === 0 ? null : n % 31 === 0, dropped: {} },
    placement: { cluster: chance(original, FOR.facts) % CLUSTERS, similarity: 0.75 + (chance(n, FOR.facts) % 250) / 1024, model: MODEL.model, founded: false },
  }
}

/** Where the record of asset `n` stands: the series goes round the partitions. */
export function originOf(n: number): RowOrigin {
  return { topic: TOPIC, partition: n % PARTITIONS, offset: Math.floor(n / PARTITIONS), eventTimeMs: timeOf(n), traceId: random(n, FOR.trace, 16) }
}

/** UUIDv7. */
export function assetId(n: number): string {
  const time = (timeOf(n) + (chance(n, FOR.jitter) % JITTER_MS)).toString(16).padStart(12, '0')
  return uuidText(time, random(n, FOR.id, 12).toString('hex'), '7')
}

/** A random UUID (version 4), as other systems give them. */
export function randomId(n: number): string {
  const hex = random(n, FOR.id, 20).toString('hex')
  return uuidText(hex.slice(24, 36), hex, '4')
}

export function sourceOf(n: number): { source: string; sourceId: string } {
  return { source: SOURCES[n % SOURCES.length]!, sourceId: `${(0x1000_0000 + chance(n, FOR.id)).toString(36)}-${n}` }
}

/** Best first. */
export function tagsOf(n: number): Tag[] {
  const ranks = drawRanks(draw.seed(n, FOR.tags), TAGS)
  return ranks.map((rank, at) => ({ name: TAG_NAMES[rank]!, confidence: Math.fround(0.98 - at * 0.07), origin: at < 6 ? 'claimed' : 'predicted' }))
}

function timeOf(n: number): number {
  return FIRST_MS + Math.floor(n / PER_MS)
}

function uuidText(first: string, rest: string, version: string): string {
  return `${first.slice(0, 8)}-${first.slice(8, 12)}-${version}${rest.slice(0, 3)}-8${rest.slice(3, 6)}-${rest.slice(6, 18)}`
}

/** Of a copy the original; of all others the asset itself. */
function originalOf(n: number): number {
  if (!isCopy(n)) return n
  let original = n - 1 - (chance(n, FOR.frame) % Math.min(n, COPIED_WITHIN))
  while (isCopy(original)) original -= 1
  return original
}

function isCopy(n: number): boolean {
  return n > 0 && chance(n, FOR.copy) % COPY_IN === 0
}

/** Key frames of a video; 0 of a still. */
function framesOf(original: number): number {
  const drawn = chance(original, FOR.video)
  return drawn % VIDEO_IN === 0 ? 3 + (Math.floor(drawn / VIDEO_IN) % 6) : 0
}

function submissionOf(n: number, uri: string, tags: Tag[]): Submission {
  const attributes = n % 4 === 0 ? { licence: 'cc-by', collection: `spring-${2_000 + (n % 24)}` } : {}
  const claimed = tags.filter(({ origin }) => origin === 'claimed').map(({ name, confidence }) => ({ name, confidence }))
  return { ...sourceOf(n), uri, sha256: null, tags: claimed, nsfw: null, attributes: attributes as Record<string, string>, raw: null, submittedAt: timeOf(n) }
}

/** Of 60 to 90 characters. */
function contentOf(n: number, bytesOf: number, isVideo: boolean): Content {
  const sha256 = random(bytesOf, FOR.content)
  const [type, , extension] = isVideo ? VIDEO : STILLS[bytesOf % STILLS.length]!
  const name = random(n, FOR.id, 12).toString('hex')
  const finalUri = `https://${HOSTS[n % HOSTS.length]!}/${SOURCES[n % SOURCES.length]!}/${2_015 + (n % 10)}/${name.slice(0, 2)}/${name}.${extension}`
  return { sha256, bytes: 40_000 + (chance(bytesOf, FOR.content) % 4_000_000), sniffedType: type, declaredType: type, finalUri, validator: null }
}

function normalOf(n: number, original: number, frames: number): Normal {
  const [width, height] = SIZES[n % SIZES.length]!
  const still = frames === 0
  return {
    version: 1, kind: still ? 'image' : 'video', width, height, durationMicros: still ? null : frames * 4_000_000, orientation: 1,
    codec: still ? STILLS[original % STILLS.length]![1] : VIDEO[1],
    frames: Array.from({ length: Math.max(1, frames) }, (_, at) => ({ ptsMicros: at * 4_000_000, blob: random(n, FOR.frame * 100 + at), width: 448, height: 336 })),
    frameCount: still ? 1 : frames * 12, audio: null, loudnessLufs: null, thumbnail: random(n, FOR.frame * 100 + 99),
  }
}

function fingerprintOf(n: number, frame: number): FrameFingerprint {
  const bytes = random(n, FOR.look * 100 + frame, 96)
  return { ptsMicros: frame * 4_000_000, pixels: bytes.subarray(0, 32), blockhash: bytes.subarray(32, 64), pdq: bytes.subarray(64), quality: 60 + (bytes[0]! % 41) }
}

function verdictOf(original: number, relation: string): DuplicateVerdict {
  const claims = { matched: null, timeOffsetMicros: null, canonicalFrames: [random(original, FOR.frame * 100)] }
  if (relation === 'original') return { relation, of: null, distance: null, evidence: '', ...claims }
  const distance = relation === 'near-copy' ? 2 + (original % 28) : 0
  const evidence = { 'same-bytes': 'equal SHA-256 of the bytes', 'same-picture': 'equal pixels' }[relation] ?? `pdq ${distance}, blockhash ${distance >> 1}`
  return { relation, of: assetId(original), distance, evidence, ...claims }
}

function embeddingOf(original: number, frames: number): Embedding {
  return { ...MODEL, vector: vectorOf(original), frames: Array.from({ length: frames }, (_, at) => vectorOf(original * 16 + at + 1)) }
}
