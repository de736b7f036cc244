/**
 * The real row: stills with a 512-number vector, hashes and ten tags, made from a number. The same number gives the same
 * asset, no two share an id or a hash, and making one costs two microseconds: a topic is filled as fast as it is written.
 */
import { createCipheriv, createHash } from 'node:crypto'
import type { AssetClustered } from '#schemas'

export const DIMENSIONS = 512

/** Different names of tags; an asset has ten of them. */
export const TAG_NAMES = 3_000
const TAGS_PER_ASSET = 10

/** Event time of asset 0, a millisecond apart. Recent: a topic deletes what is older than its retention. */
export const STARTED_MS = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 86_400_000

const MODEL = { model: 'bench-512', weightsSha256: createHash('sha256').update('bench-512').digest() }

/**
 * Bytes that look random, in a prime number of places, so that assets take them from ever new places. Longer than what
 * zstd looks back at level 1: one asset is no help with the next.
 */
const POOL_BYTES = 8_388_593
const pool = keystream(POOL_BYTES + 2 * DIMENSIONS)
/** Half-precision numbers below 2^-6: never infinite, never NaN. */
const numbers = smallHalves(Buffer.from(pool))

const names = Array.from({ length: TAG_NAMES }, (_, n) => `tag-${n}`)
/** Exact in single precision, as the schema has them. */
const confidences = Array.from({ length: TAGS_PER_ASSET }, (_, rank) => 1 - rank / 16)

/** A UUIDv7 of the `n`th millisecond. */
export function assetId(n: number): string {
  const time = (STARTED_MS + n).toString(16).padStart(12, '0')
  const rest = pool.toString('hex', placeOf(n, 1), placeOf(n, 1) + 10)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${rest.slice(0, 3)}-8${rest.slice(3, 6)}-${rest.slice(6, 18)}`
}

/** As the sink reads it. */
export function assetOf(n: number): AssetClustered {
  const uri = `https://pictures.example.org/catalogue/2024/${String(n).padStart(12, '0')}.jpg`
  return {
    assetId: assetId(n),
    submission: { source: 'shop', sourceId: `item-${n}`, uri, sha256: null, tags: [], nsfw: null, attributes: {}, raw: null, submittedAt: STARTED_MS + n },
    content: { sha256: hashOf(n, 2), bytes: 100_000 + n, sniffedType: 'image/jpeg', declaredType: null, finalUri: uri, validator: null },
    normal: {
      version: 1, kind: 'image', width: 1024, height: 768, durationMicros: null, orientation: 1, codec: 'jpeg',
      frames: [{ ptsMicros: 0, blob: hashOf(n, 3), width: 512, height: 384 }], frameCount: 1, audio: null, loudnessLufs: null, thumbnail: null,
    },
    fingerprint: { version: 1, frames: [{ ptsMicros: 0, pixels: hashOf(n, 4), blockhash: hashOf(n, 5), pdq: hashOf(n, 6), quality: 50 + n % 50 }], acoustic: null },
    verdict: { relation: 'original', of: null, distance: null, evidence: '', matched: null, timeOffsetMicros: null, canonicalFrames: [] },
    embedding: { ...MODEL, dimensions: DIMENSIONS, vector: vectorOf(n), frames: [] },
    tags: { vocabulary: 1, nsfw: false, dropped: {}, tags: confidences.map((confidence, rank) => ({ name: tagName(n, rank), confidence, origin: rank < 5 ? 'claimed' : 'predicted' })) },
    placement: { cluster: n % 1_000, similarity: 0.875, model: MODEL.model, founded: false },
  }
}

function tagName(n: number, rank: number): string {
  return names[(n * 7 + rank * 13) % TAG_NAMES]!
}

/** Its first six bytes are the number, so that no two are alike. */
function hashOf(n: number, use: number): Buffer {
  const hash = Buffer.from(pool.subarray(placeOf(n, use), placeOf(n, use) + 32))
  hash.writeUIntBE(n, 0, 6)
  return hash
}

function vectorOf(n: number): Buffer {
  const start = 2 * (placeOf(n, 7) >> 1)
  return numbers.subarray(start, start + 2 * DIMENSIONS)
}

/** A prime step, so neighbours lie far apart. */
function placeOf(n: number, use: number): number {
  return (n * 1_299_709 + use * 15_485_863) % POOL_BYTES
}

/** Of AES in counter mode with zeros for key and text: the same on every machine. */
function keystream(bytes: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(bytes))
}

function smallHalves(bytes: Buffer): Buffer {
  for (let at = 1; at < bytes.length; at += 2) bytes[at] = (bytes[at]! & 0x80) | 0x20 | (bytes[at]! & 0x03)
  return bytes
}
