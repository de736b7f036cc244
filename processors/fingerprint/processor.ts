/** Computes what copies are recognised by: exact pixel hashes, two perceptual hashes, and an acoustic fingerprint. */
import { blobs, defineProcessor } from '#runtime/api.ts'
import { assetFingerprinted, assetNormalized } from '#topics'
import { acoustics } from './acoustics.ts'
import { decodeFrame } from './decode.ts'
import { fingerprintOf } from './frame.ts'

/** Version of the algorithms, recorded with every fingerprint. */
const VERSION = 1
/** No frame of the normal form comes near it. */
const MAX_FRAME_BYTES = 16 << 20

export const fingerprint = defineProcessor({
  name: 'fingerprint',
  version: VERSION,
  reads: assetNormalized,
  writes: [assetFingerprinted],
  uses: { blobs, acoustics },
  concurrency: { inFlightPerPartition: 4, order: 'per-key' },
  async handle(asset, { blobs, acoustics, signal }) {
    const { normal } = asset
    const frames = []
    // One at a time: a long video must not hold all of its pixels in memory at once.
    for (const frame of normal.frames) {
      signal.throwIfAborted()
      const pixels = await decodeFrame(await blobs.read(frame.blob, MAX_FRAME_BYTES))
      const original = { width: normal.width ?? frame.width, height: normal.height ?? frame.height }
      frames.push({ ptsMicros: frame.ptsMicros, ...fingerprintOf(pixels, original) })
    }
    const acoustic = normal.audio ? await acoustics.print(blobs.pathOf(normal.audio), signal) : null
    return [assetFingerprinted({ ...asset, fingerprint: { version: VERSION, frames, acoustic } })]
  },
})
