/**
 * Which cluster an asset belongs to: leader clustering with several representatives.
 *
 *   nearest representative at or above the model's threshold    join its cluster
 *   none                                                        found the next cluster
 *
 * An asset that joins from afar becomes a representative itself, so that a cluster can have more than one look. It must
 * be as near to the founder as any member must be to a representative: otherwise clusters would creep along chains of
 * neighbours until everything was one.
 */
import { Reject } from '#runtime/api.ts'
import type { ClusterPlaced, Embedding, Placement } from '#schemas'
import type { ClusterState } from './state.ts'
import { unitVector } from './vectors.ts'

/** Four looks of one topic; the search's cost grows with it. */
const MAX_REPRESENTATIVES = 4

/** An asset nearer than half way from the threshold to identity adds no new look. */
const NEW_LOOK = 0.5

export interface PlacedAsset {
  placement: Placement
  entry: ClusterPlaced
}

/**
 * The decision for an asset that has none.
 * @throws Reject `cluster.bad-vector`
 */
export function place(assetId: string, embedding: Embedding, threshold: number, state: ClusterState): PlacedAsset {
  const vector = comparable(embedding, state)
  const match = state.nearest(embedding.model, vector, threshold)
  const cluster = match?.cluster ?? state.nextCluster
  // Avro and the table of placed assets hold single precision; a repeated answer must equal the first.
  const similarity = match ? Math.fround(match.similarity) : 1
  const placement = { cluster, similarity, model: embedding.model, founded: match === undefined }
  const isRepresentative = match === undefined || addsALook(embedding.model, vector, { cluster, similarity }, threshold, state)
  const entry = { assetId, sequence: state.nextSequence, ...placement, representative: isRepresentative ? embedding.vector : null }
  return { placement, entry }
}

function addsALook(model: string, vector: Float32Array, { cluster, similarity }: { cluster: number; similarity: number }, threshold: number, state: ClusterState): boolean {
  return similarity < threshold + (1 - threshold) * NEW_LOOK
    && state.representativesOf(model, cluster) < MAX_REPRESENTATIVES
    && state.similarityToFounder(model, cluster, vector) >= threshold
}

function comparable(embedding: Embedding, state: ClusterState): Float32Array {
  const expected = state.dimensionsOf(embedding.model) ?? embedding.dimensions
  if (embedding.vector.length !== expected * 2 || embedding.dimensions !== expected || expected < 1 || expected > MAX_DIMENSIONS) {
    throw new Reject('cluster.bad-vector', `${embedding.vector.length} bytes are no vector of ${expected} numbers by ${embedding.model}`)
  }
  const vector = unitVector(embedding.vector)
  if (vector === undefined) throw new Reject('cluster.bad-vector', `The vector by ${embedding.model} has no direction`)
  return vector
}

/** As on model cards. */
const MAX_DIMENSIONS = 2_048
