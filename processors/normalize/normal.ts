/** What was decoded, stored and told as a fact. */
import type { BlobStore } from '#runtime/api.ts'
import type { Frame, Normal } from '#schemas'
import type { Decoded } from './decoded.ts'
import { NORMAL_VERSION } from './limits.ts'

/** Puts frames and sound into the blob store; a second time writes nothing and yields the same fact. */
export async function storeNormal(decoded: Decoded, blobs: BlobStore): Promise<Normal> {
  const { kind, width, height, durationMicros, orientation, codec, frameCount, thumbnail, flac, loudnessLufs } = decoded
  const frames = await Promise.all(decoded.frames.map(async ({ jpeg, ...frame }): Promise<Frame> => ({ ...frame, blob: await blobs.put(jpeg) })))
  return {
    version: NORMAL_VERSION, kind, width, height, durationMicros, orientation, codec, frames, frameCount,
    audio: flac && await blobs.put(flac),
    // As it is on the wire: a 32-bit float.
    loudnessLufs: loudnessLufs === null ? null : Math.fround(loudnessLufs),
    thumbnail: thumbnail === null ? null : frames[thumbnail]!.blob,
  }
}
