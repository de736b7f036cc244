/** tag: brings the tags that were claimed to one form, and says whether the asset is fit for all eyes. */
import { defineProcessor } from '#runtime/api.ts'
import { assetEmbedded, assetTagged } from '#topics'
import { normaliseTags } from './normalise.ts'
import { mostCautious, nsfwByTags, VOCABULARY } from './vocabulary.ts'

export const tag = defineProcessor({
  name: 'tag',
  version: 1,
  reads: assetEmbedded,
  writes: [assetTagged],
  handle(asset) {
    const claimed = asset.submission.tags.map((claim) => ({ ...claim, origin: 'claimed' }))
    const { tags, dropped } = normaliseTags(claimed)
    const nsfw = mostCautious(asset.submission.nsfw, nsfwByTags(tags))
    return [assetTagged({ ...asset, tags: { vocabulary: VOCABULARY, tags, nsfw, dropped } })]
  },
})
