/** Brings every asset to one normal form, so that all that follows sees upright sRGB pixels or 16 kHz mono sound. */
import { RetryLater, blobs, defineProcessor } from '#runtime/api.ts'
import { assetDownloaded, assetNormalized } from '#topics'
import { decoder } from './decoder.ts'
import { storeNormal } from './normal.ts'

export const normalize = defineProcessor({
  name: 'normalize',
  version: 1,
  reads: assetDownloaded,
  writes: [assetNormalized],
  uses: { blobs, decoder },
  // Enough to keep the decoder processes fed; they are what bounds the work.
  concurrency: { inFlightPerPartition: 4, order: 'per-key' },
  // 24 in flight (6 partitions) before 2 decoders of at most 60 s each: the last may wait 12 minutes.
  deadlineMs: 15 * 60_000,
  async handle(asset, { blobs, decoder, signal }) {
    const { sha256, sniffedType } = asset.content
    if (!(await blobs.has(sha256))) throw new RetryLater('blob.missing', `blob ${sha256.toString('hex')} is not in the store`)
    const decoded = await decoder.decode(blobs.pathOf(sha256), sniffedType, signal)
    return [assetNormalized({ ...asset, normal: await storeNormal(decoded, blobs) })]
  },
})
