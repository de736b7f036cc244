/** cluster: puts each asset into a topic cluster, and gives the same answer whenever it is asked again (I5). */
import { defineStateful } from '#runtime/api.ts'
import { assetClustered, assetTagged, clusterPlaced } from '#topics'
import { models } from '#models/service.ts'
import { place } from './placement.ts'
import { ClusterState } from './state.ts'

export const cluster = defineStateful({
  name: 'cluster',
  version: 1,
  reads: assetTagged,
  writes: [assetClustered],
  uses: { models },
  state: {
    changelog: clusterPlaced,
    open: () => new ClusterState(),
    snapshot: { layout: 1, partsOf: (state) => state.parts(), restore: (parts) => ClusterState.restore(parts) },
  },
  batch: { maxRecords: 200, maxWaitMs: 20 },
  decide(asset, state, { models }) {
    const { assetId, embedding } = asset
    // Sound has no vector: nothing to remember, the answer is always the same.
    if (embedding === null) return { write: [assetClustered({ ...asset, placement: null })], remember: [] }
    const earlier = state.placementOf(assetId, embedding.model)
    if (earlier) return { write: [assetClustered({ ...asset, placement: { ...earlier, model: embedding.model } })], remember: [] }
    const { placement, entry } = place(assetId, embedding, models.card(embedding.model).clusterThreshold, state)
    return { write: [assetClustered({ ...asset, placement })], remember: [entry] }
  },
})
