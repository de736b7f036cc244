/** Submit-to-row latencies, by kind. */
import { KINDS, type Kind, type StoredAsset } from './facts.ts'

export interface LatencyFigures {
  kind: Kind
  count: number
  p50Ms: number
  p95Ms: number
  maxMs: number
}

export interface LatencyBin {
  fromMs: number
  toMs: number
  counts: Record<Kind, number>
}

/** Figures of the kinds that occur. */
export function latencyFigures(assets: readonly StoredAsset[]): LatencyFigures[] {
  return KINDS.flatMap((kind) => {
    const sorted = assets.filter((asset) => asset.kind === kind).map((asset) => asset.latencyMs).sort((a, b) => a - b)
    if (sorted.length === 0) return []
    return [{ kind, count: sorted.length, p50Ms: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95), maxMs: sorted.at(-1)! }]
  })
}

/** Nearest rank: always one of the values. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!
}

/** At most `most` bins of one round width (1, 2 or 5 times a power of ten) that cover all values. */
export function latencyBins(assets: readonly StoredAsset[], most = 24): LatencyBin[] {
  const longest = assets.reduce((max, asset) => Math.max(max, asset.latencyMs), 0)
  const width = roundUp(Math.max(1, longest / most))
  const bins = Array.from({ length: Math.floor(longest / width) + 1 }, (_, i): LatencyBin => (
    { fromMs: i * width, toMs: (i + 1) * width, counts: { image: 0, video: 0, audio: 0 } }
  ))
  for (const { kind, latencyMs } of assets) bins[Math.max(0, Math.floor(latencyMs / width))]!.counts[kind]++
  return bins
}

function roundUp(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width))
  return ([1, 2, 5].find((step) => step * power >= width) ?? 10) * power
}
