/** Assets as the sink reads them, made from a number: the same number gives the same asset. */
import { createHash } from 'node:crypto'
import type { AssetClustered, FrameFingerprint } from '#schemas'

/** Deterministic bytes. */
export function bytesOf(seed: string, length: number): Buffer {
  const blocks: Buffer[] = []
  for (let block = 0; block * 32 < length; block++) blocks.push(createHash('sha256').update(`${seed} ${block}`).digest())
  return Buffer.concat(blocks).subarray(0, length)
}

/** A UUIDv7 of the `n`th millisecond. */
export function assetId(n: number): string {
  const time = (1_700_000_000_000 + n).toString(16).padStart(12, '0')
  const random = bytesOf(`id ${n}`, 10).toString('hex')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`
}

/** A vector of small numbers (half precision, below 2^-9): never infinite, never NaN. */
export function halfVector(seed: string, dimensions = 512): Buffer {
  const bytes = bytesOf(seed, dimensions * 2)
  for (let at = 1; at < bytes.length; at += 2) bytes[at] = (bytes[at]! & 0x80) | 0x20 | (bytes[at]! & 0x03)
  return bytes
}

export const MODEL = { model: 'test-512', weightsSha256: createHash('sha256').update('weights').digest() }

/** A still with ten tags, a 60-character URI and no copy of anything: the usual row. */
export function clusteredAsset(n: number): AssetClustered {
  const fingerprint: FrameFingerprint = {
    ptsMicros: 0, pixels: bytesOf(`pixels ${n}`, 32), blockhash: bytesOf(`blockhash ${n}`, 32), pdq: bytesOf(`pdq ${n}`, 32), quality: 90,
  }
  const sha256 = bytesOf(`content ${n}`, 32)
  const uri = `https://pictures.example.org/catalogue/2024/${String(n).padStart(12, '0')}.jpg`
  return {
    assetId: assetId(n),
    submission: {
      source: 'shop', sourceId: `item-${n}`, uri, sha256: null, tags: [], nsfw: null, attributes: {}, raw: null, submittedAt: 1_700_000_000_000 + n,
    },
    content: { sha256, bytes: 100_000 + n, sniffedType: 'image/jpeg', declaredType: null, finalUri: uri, validator: null },
    normal: {
      version: 1, kind: 'image', width: 1024, height: 768, durationMicros: null, orientation: 1, codec: 'jpeg',
      frames: [{ ptsMicros: 0, blob: bytesOf(`blob ${n}`, 32), width: 512, height: 384 }], frameCount: 1, audio: null, loudnessLufs: null, thumbnail: null,
    },
    fingerprint: { version: 1, frames: [fingerprint], acoustic: null },
    verdict: { relation: 'original', of: null, distance: null, evidence: '', matched: null, timeOffsetMicros: null, canonicalFrames: [] },
    embedding: { ...MODEL, dimensions: 512, vector: halfVector(`vector ${n}`), frames: [] },
    tags: {
      vocabulary: 1, nsfw: false, dropped: {},
      tags: Array.from({ length: 10 }, (_, rank) => ({ name: `tag-${(n * 7 + rank * 13) % 3_000}`, confidence: 1 - rank / 20, origin: rank < 5 ? 'claimed' : 'predicted' })),
    },
    placement: { cluster: n % 1_000, similarity: 0.875, model: MODEL.model, founded: false },
  }
}

/** A video of `frames` key frames, a second apart. */
export function clusteredVideo(n: number, frames: number): AssetClustered {
  const still = clusteredAsset(n)
  const times = Array.from({ length: frames }, (_, frame) => frame * 1_000_000)
  return {
    ...still,
    content: { ...still.content, sniffedType: 'video/mp4' },
    normal: {
      ...still.normal, kind: 'video', codec: 'h264', durationMicros: frames * 1_000_000, frameCount: frames,
      frames: times.map((ptsMicros, frame) => ({ ptsMicros, blob: bytesOf(`blob ${n} ${frame}`, 32), width: 512, height: 384 })),
    },
    fingerprint: { ...still.fingerprint, frames: times.map((ptsMicros, frame) => ({ ...still.fingerprint.frames[0]!, ptsMicros, quality: 50 + frame })) },
    embedding: { ...still.embedding!, frames: times.map((_, frame) => halfVector(`vector ${n} ${frame}`)) },
  }
}
