/**
 * All that cluster knows: the representatives of every cluster, and where each asset went. Rebuilt by applying the
 * changelog in order; the same entries give the same state, bit for bit.
 */
import { jsonPart, type SnapshotParts, type State } from '#runtime/api.ts'
import type { ClusterPlaced } from '#schemas'
import { PlacedAssets, type Placed } from './placed-assets.ts'
import { Space } from './space.ts'
import { unitVector } from './vectors.ts'

/** A cluster's number, and how near the asset came to it. */
export interface Match {
  cluster: number
  similarity: number
}

/** Rows in one part of a snapshot. */
const ROWS_PER_PART = 16_384

/** Clusters of one model. */
class Clusters {
  /** Stands for the model in the table of assets. */
  readonly number: number
  space: Space | undefined
  /** Row to cluster. */
  readonly clusterOf: number[] = []
  /** Cluster to its rows; the first is the founder's. */
  readonly rowsOf = new Map<number, number[]>()

  constructor(number: number) {
    this.number = number
  }

  add(cluster: number, vector: Float32Array): void {
    this.space ??= new Space(vector.length)
    this.#number(cluster)
    this.space.add(vector)
  }

  *parts(): Iterable<ArrayBufferView> {
    yield jsonPart(this.clusterOf.length)
    for (let row = 0; row < this.clusterOf.length; row += ROWS_PER_PART) yield Uint32Array.from(this.clusterOf.slice(row, row + ROWS_PER_PART))
    if (this.space) yield* this.space.parts()
  }

  static async restore(number: number, parts: SnapshotParts): Promise<Clusters> {
    const clusters = new Clusters(number)
    const rows = (await parts.json()) as number
    while (clusters.clusterOf.length < rows) {
      const some = new Uint32Array(Math.min(ROWS_PER_PART, rows - clusters.clusterOf.length))
      await parts.into(some)
      for (const cluster of some) clusters.#number(cluster)
    }
    if (rows > 0) clusters.space = await Space.restore(parts)
    return clusters
  }

  /** The next row is of this cluster. */
  #number(cluster: number): void {
    const row = this.clusterOf.push(cluster) - 1
    const rows = this.rowsOf.get(cluster)
    if (rows) rows.push(row)
    else this.rowsOf.set(cluster, [row])
  }
}

export class ClusterState implements State<ClusterPlaced> {
  readonly #models = new Map<string, Clusters>()
  readonly #placed = new PlacedAssets()
  #lastSequence = 0
  #lastCluster = 0

  get nextSequence(): number {
    return this.#lastSequence + 1
  }

  /** Numbers are never used twice, whatever the model. */
  get nextCluster(): number {
    return this.#lastCluster + 1
  }

  /** The answer that was given for this asset and model. */
  placementOf(assetId: string, model: string): Placed | undefined {
    const clusters = this.#models.get(model)
    return clusters && this.#placed.get(assetId, clusters.number)
  }

  /** Numbers in the vectors of a model; undefined before its first. */
  dimensionsOf(model: string): number | undefined {
    return this.#models.get(model)?.space?.dimensions
  }

  /** The cluster of the nearest representative, when that is at least so near. */
  nearest(model: string, vector: Float32Array, atLeast: number): Match | undefined {
    const clusters = this.#models.get(model)
    const nearest = clusters?.space?.nearest(vector, atLeast)
    return nearest && { cluster: clusters!.clusterOf[nearest.row]!, similarity: nearest.similarity }
  }

  representativesOf(model: string, cluster: number): number {
    return this.#models.get(model)?.rowsOf.get(cluster)?.length ?? 0
  }

  /** Cosine with the cluster's founder. */
  similarityToFounder(model: string, cluster: number, vector: Float32Array): number {
    const clusters = this.#models.get(model)
    const founder = clusters?.rowsOf.get(cluster)?.[0]
    return founder === undefined ? -1 : clusters!.space!.similarity(vector, founder)
  }

  /** An entry of an asset that was placed already changes nothing: its representative must not count twice. */
  apply(entry: ClusterPlaced): void {
    this.#lastSequence = Math.max(this.#lastSequence, entry.sequence)
    if (entry.cluster === null) return
    const clusters = this.#clustersOf(entry.model)
    if (this.#placed.get(entry.assetId, clusters.number)) return
    this.#lastCluster = Math.max(this.#lastCluster, entry.cluster)
    this.#placed.set(entry.assetId, clusters.number, { cluster: entry.cluster, similarity: entry.similarity, founded: entry.founded })
    const vector = entry.representative && unitVector(entry.representative)
    if (vector) clusters.add(entry.cluster, vector)
  }

  /** All of it, for `restore`. Models are numbered in the order in which they came. */
  *parts(): Iterable<ArrayBufferView> {
    yield jsonPart({ lastSequence: this.#lastSequence, lastCluster: this.#lastCluster, models: [...this.#models.keys()] })
    for (const clusters of this.#models.values()) yield* clusters.parts()
    yield* this.#placed.parts()
  }

  static async restore(parts: SnapshotParts): Promise<ClusterState> {
    const state = new ClusterState()
    const { lastSequence, lastCluster, models } = (await parts.json()) as { lastSequence: number; lastCluster: number; models: string[] }
    state.#lastSequence = lastSequence
    state.#lastCluster = lastCluster
    for (const model of models) state.#models.set(model, await Clusters.restore(state.#models.size, parts))
    await state.#placed.restore(parts)
    return state
  }

  #clustersOf(model: string): Clusters {
    const known = this.#models.get(model)
    if (known) return known
    const added = new Clusters(this.#models.size)
    this.#models.set(model, added)
    return added
  }
}
