/** embed: one unit vector for each frame, and for the asset as a whole. */
import { blobs, defineProcessor, Reject, RetryLater, type BlobStore, type Result } from '#runtime/api.ts'
import { assetDeduplicated, assetEmbedded } from '#topics'
import { framesOf, isStill, type EmbedInput, type Embedding } from './frames.ts'
import { pooled } from './half.ts'
import { encoder, type Encoder } from './encoder.ts'

/** Far above any normal form of a frame. */
const FRAME_LIMIT_BYTES = 64 << 20

export const embed = defineProcessor({
  name: 'embed',
  version: 1,
  reads: assetDeduplicated,
  writes: [assetEmbedded],
  uses: { blobs, encoder },
  // 32: two batches of the model. 10 ms is the most that a lone picture waits for company.
  batch: { maxRecords: 32, maxWaitMs: 10 },
  handleMany: (assets, { blobs, encoder }) => Promise.all(assets.map((asset) => embedAsset(asset, blobs, encoder))),
})

/** One bad frame fails its own asset only. */
async function embedAsset(asset: EmbedInput, blobs: BlobStore, encoder: Encoder): Promise<Result> {
  try {
    return [assetEmbedded({ ...asset, embedding: await embeddingOf(asset, blobs, encoder) })]
  } catch (error) {
    if (error instanceof Reject || error instanceof RetryLater) return error
    throw error
  }
}

/** Null for sound. A copy has its original's frames, and so its vector. */
async function embeddingOf(asset: EmbedInput, blobs: BlobStore, encoder: Encoder): Promise<Embedding | null> {
  const frames = framesOf(asset)
  if (frames.length === 0) return null
  const vectors = await Promise.all(frames.map((frame) => encoder.vectorOf(frame, () => blobs.read(frame, FRAME_LIMIT_BYTES))))
  const vector = isStill(asset, vectors) ? vectors[0] : pooled(vectors)
  if (vector === undefined) throw new Reject('embed.no-direction', `The vectors of the ${vectors.length} frames cancel out`)
  const { card, weightsSha256 } = encoder
  return { model: card.id, weightsSha256, dimensions: card.dimensions, vector, frames: isStill(asset, vectors) ? [] : vectors }
}
