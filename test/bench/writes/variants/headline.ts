/** The figures that the project is held to, from the variants that were measured. */
import type { Metric } from '../../result.ts'
import type { VariantFigures } from '../report/variant-figures.ts'
import { bytesPerAsset, requestsPerAsset } from './per-asset.ts'
import { MINIMAL_WAL_VARIANT } from './layout-trials.ts'
import { names } from './scenes.ts'

const MOST_REQUESTS = 0.02
const MOST_BYTES = 3_200
/** Fewer requests than the old design before its clean-up. */
const LEAST_RATIO = 200

interface Cost { requests: { gathered: number; immediate: number }; bytes: number; walBytes: number }

/** Those whose variants are there; `array` names the array of the headline. */
export function headline(variants: readonly VariantFigures[], array: string): Metric[] {
  const costOf = (name: string): Cost | undefined => {
    const figures = variants.find((each) => each.name === name)
    return figures && costsOf(figures, array)
  }
  const [ours, minimal] = [costOf(names.ours('preloaded')), costOf(MINIMAL_WAL_VARIANT)]
  return [
    ...(ours ? ownFigures(ours, '') : []), ...(minimal ? ownFigures(minimal, '_minimal_wal') : []),
    ...['preloaded', 'empty'].flatMap((place) => ratios(place, costOf)),
    ...variants.filter(({ name }) => name.startsWith('kafka/')).flatMap((figures) => kafkaFigures(figures, array)),
  ]
}

/** The bound of the model that is worse for us is the one that counts. */
function ownFigures({ requests: { gathered, immediate }, bytes, walBytes }: Cost, suffix: string): Metric[] {
  return [
    { name: `requests_per_asset${suffix}`, value: immediate, unit: '/asset', target: `≤ ${MOST_REQUESTS}, aim 0.004`, met: immediate <= MOST_REQUESTS },
    { name: `requests_per_asset_gathered${suffix}`, value: gathered, unit: '/asset', target: `≤ ${MOST_REQUESTS}, aim 0.004`, met: gathered <= MOST_REQUESTS },
    { name: `bytes_per_asset${suffix}`, value: bytes, unit: 'B/asset', target: `≤ ${MOST_BYTES.toLocaleString('en')}, aim 1,500`, met: bytes <= MOST_BYTES },
    { name: `wal_bytes_per_asset${suffix}`, value: walBytes, unit: 'B/asset' },
  ]
}

/** How many times less than the old design: its cost is the baseline. */
function ratios(place: string, costOf: (name: string) => Cost | undefined): Metric[] {
  const suffix = place === 'preloaded' ? '' : `_${place}`
  const ours = costOf(names.ours(place))
  return ([['old', names.old(place)], ['json', names.cleaned(place)]] as const).flatMap(([label, name]) => {
    const theirs = costOf(name)
    if (!ours || !theirs) return []
    const times = theirs.requests.immediate / ours.requests.immediate
    return [
      { name: `ratio_to_${label}${suffix}`, value: times, unit: '× fewer requests', baseline: theirs.requests.immediate, ...(label === 'old' ? { target: `≥ ${LEAST_RATIO}`, met: times >= LEAST_RATIO } : {}) },
      { name: `bytes_ratio_to_${label}${suffix}`, value: theirs.bytes / ours.bytes, unit: '× fewer bytes', baseline: theirs.bytes },
    ]
  })
}

function costsOf(figures: VariantFigures, array: string): Cost | undefined {
  const requests = requestsPerAsset(figures, array)
  const bytes = bytesPerAsset(figures)
  if (!requests || bytes === undefined || 'absent' in figures.wal) return undefined
  return { requests, bytes, walBytes: figures.wal.bytes / figures.assets }
}

function kafkaFigures({ name, assets, devices: { kafka } }: VariantFigures, array: string): Metric[] {
  if (!kafka || 'absent' in kafka) return []
  const label = name.replace(/[/.]/g, '_')
  return [
    { name: `${label}_bytes`, value: kafka.bios.bytes / assets, unit: 'B/asset' },
    { name: `${label}_requests`, value: kafka.raid5[array]!.immediate.requests / assets, unit: '/asset' },
  ]
}
