/** Models that sluice knows without being told: the one it makes itself, and those it can fetch. */
import { CLIP_CLUSTER_THRESHOLD, CLIP_PREPROCESSING, type ModelCard } from './card.ts'
import { descriptorModel } from './descriptor/card.ts'

/**
 * OpenAI's CLIP ViT-B/32, image tower with projection, as exported by Qdrant for FastEmbed. The address is pinned to a
 * commit, so the bytes behind it cannot change under the hash.
 */
const CLIP_VIT_B_32: ModelCard = {
  id: 'clip-vit-b-32',
  sha256: 'c68d3d9a200ddd2a8c8a5510b576d4c94d1ae383bf8b36dd8c084f94e1fb4d63',
  bytes: 351_686_194,
  input: { name: 'pixel_values', layout: 'NCHW', size: 224 },
  output: { name: 'image_embeds' },
  preprocessing: CLIP_PREPROCESSING,
  dimensions: 512,
  clusterThreshold: CLIP_CLUSTER_THRESHOLD,
  licence: 'MIT',
  description: 'CLIP ViT-B/32 by OpenAI: compares what pictures show. 0.72 groups pictures of one topic; it is no duplicate threshold.',
  url: 'https://huggingface.co/Qdrant/clip-ViT-B-32-vision/resolve/e0c24ed0fa57fa3e4f97f30de74c51d944036ace/model.onnx',
}

/** Cards whose files can be fetched by id. */
export const PULLABLE: readonly ModelCard[] = [CLIP_VIT_B_32]

/** The card of a model that needs no installed card to be known. */
export function knownCard(id: string): ModelCard | undefined {
  return [descriptorModel().card, ...PULLABLE].find((card) => card.id === id)
}
