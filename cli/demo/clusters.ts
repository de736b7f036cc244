/** How well the topic clusters agree with the families that the set was made of. */
import type { StoredAsset, SubmittedItem } from './facts.ts'

export interface ClusterFigures {
  cluster: number
  size: number
  members: string[]
  /** Commonest family among the members that have one, and its share; null when none has. */
  family: string | null
  purity: number | null
}

/** Largest first; equal sizes by number. */
export function clusterFigures(assets: readonly StoredAsset[], items: ReadonlyMap<string, SubmittedItem>): ClusterFigures[] {
  const members = Map.groupBy(assets.filter((asset) => asset.cluster !== null), (asset) => asset.cluster!)
  return [...members]
    .map(([cluster, of]) => ({ cluster, size: of.length, members: of.map((asset) => asset.name), ...majority(of, items) }))
    .sort((a, b) => b.size - a.size || a.cluster - b.cluster)
}

/** Share of all members that belong to their cluster's majority; null when no family is known. */
export function overallPurity(clusters: readonly ClusterFigures[]): number | null {
  const known = clusters.filter((cluster) => cluster.purity !== null)
  const size = known.reduce((sum, cluster) => sum + cluster.size, 0)
  return size === 0 ? null : known.reduce((sum, cluster) => sum + cluster.size * cluster.purity!, 0) / size
}

function majority(assets: readonly StoredAsset[], items: ReadonlyMap<string, SubmittedItem>): { family: string | null; purity: number | null } {
  const families = assets.map((asset) => items.get(asset.name)?.family).filter((family) => family != null)
  if (families.length === 0) return { family: null, purity: null }
  const counted = [...Map.groupBy(families, (family) => family)].map(([family, all]) => ({ family, count: all.length }))
  const best = counted.reduce((most, next) => (next.count > most.count ? next : most))
  return { family: best.family, purity: best.count / families.length }
}
