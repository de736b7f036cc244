/** The topics of the pipeline, in flow order. */
import { readFileSync } from 'node:fs'
import { defineTopic, type Topic } from '#runtime/define/topic.ts'
import type {
  AssetClustered, AssetDeduplicated, AssetDownloaded, AssetEmbedded, AssetFailed, AssetFingerprinted, AssetNormalized,
  AssetStored, AssetSubmitted, AssetTagged, ClusterPlaced, DedupeDecided,
} from '#schemas'

/** Spread over partitions by asset id; a stage scales to this many processes. */
const SPREAD = 6

/** Read by a stage that keeps state about all assets and so has one owner (I5). */
const SINGLE = 1

function schemaOf(name: string): object {
  return JSON.parse(readFileSync(new URL(`../schemas/${name}.avsc`, import.meta.url), 'utf8'))
}

function assetTopic<V extends { assetId: string }>(name: string, partitions: number): Topic<V> {
  return defineTopic<V>({ name, schema: schemaOf(name), keyOf: (value) => value.assetId, partitions })
}

/** Compaction keeps the newest record of each key: the key is what is decided once. */
function changelog<V>(name: string, keyOf: (value: V) => string): Topic<V> {
  return defineTopic<V>({ name, schema: schemaOf(name), keyOf, partitions: SINGLE, cleanup: 'compact' })
}

export const assetSubmitted = assetTopic<AssetSubmitted>('asset.submitted', SPREAD)
export const assetDownloaded = assetTopic<AssetDownloaded>('asset.downloaded', SPREAD)
export const assetNormalized = assetTopic<AssetNormalized>('asset.normalized', SPREAD)
export const assetFingerprinted = assetTopic<AssetFingerprinted>('asset.fingerprinted', SINGLE)
export const assetDeduplicated = assetTopic<AssetDeduplicated>('asset.deduplicated', SPREAD)
export const assetEmbedded = assetTopic<AssetEmbedded>('asset.embedded', SPREAD)
export const assetTagged = assetTopic<AssetTagged>('asset.tagged', SINGLE)
export const assetClustered = assetTopic<AssetClustered>('asset.clustered', SPREAD)
export const assetStored = assetTopic<AssetStored>('asset.stored', SPREAD)
export const assetFailed = assetTopic<AssetFailed>('asset.failed', SPREAD)

/** Changelogs: what the two stateful stages know, as the sequence of their decisions. */
export const dedupeDecided = changelog<DedupeDecided>('dedupe.decided', ({ assetId }) => assetId)
export const clusterPlaced = changelog<ClusterPlaced>('cluster.placed', ({ assetId, model }) => `${assetId} ${model}`)
