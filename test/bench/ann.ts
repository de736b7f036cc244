/** Whether an index of quantised vectors in each sealed segment pays, against reading the segment. */
import { allDesigns, MERGED_DESIGNS, MINIMAL, sealAll, tryAll, withCluster, type Trial } from './ann/trial.ts'
import { linesOf, metricsOf, minimalMetrics, verdictOf } from './ann/figures.ts'
import { makeSets, type Sizes } from './ann/sets.ts'
import type { VectorSet } from './ann/vector-set.ts'
import type { Bench } from './result.ts'

/** The usual run's, and the whole load's. */
const SIZES: Sizes = { pictures: 12_000, mixture: 100_000 }
const FULL_SIZES: Sizes = { pictures: 60_000, mixture: 100_000, large: 1_000_000 }
/** Segments of 100,000, as large as the store makes them. */
const LARGE_SEGMENTS = 10

export const ann: Bench = {
  name: 'ann',
  about: 'The ten nearest vectors: a binary-quantised HNSW in each sealed segment, against scans of the vectors and of their signs: recall, time, and what it adds to sealing.',
  run: ({ full }) => compare(full ? FULL_SIZES : SIZES),
}

export async function compare(sizes: Sizes): ReturnType<Bench['run']> {
  const beganMs = performance.now()
  const log = (line: string): void => console.log(`${String(Math.round((performance.now() - beganMs) / 1000)).padStart(5)} s  ${line}`)
  const { sets, large, isReal } = await makeSets(sizes, log)
  const first = sets[0]!
  const findings = await withCluster({}, (client) => tryAll(client, [...sets.flatMap(splits), ...(large ? [largeTrial(large)] : [])], log))
  const minimal = await withCluster(MINIMAL, (client) => sealAll(client, { set: first, segments: 1, designs: allDesigns(first) }, log))
  const problems = findings.flatMap((finding) => finding.problems)
  return {
    verified: isReal && problems.length === 0,
    metrics: [...metricsOf(findings), ...minimalMetrics(first, minimal)],
    notes: [
      ...problems.map((problem) => `**Failed**: ${problem}`), ...(isReal ? [] : [NO_PHOTOS]),
      ...sets.map((set) => verdictOf(findings.filter(({ trial }) => trial.set === set))), ...NOTES, ...linesOf(findings),
    ],
  }
}

/** The same rows in one table, in five and in twenty: a search then merges as many scans. */
function splits(set: VectorSet): Trial[] {
  return [{ set, segments: 1, designs: allDesigns(set) }, { set, segments: 5, designs: MERGED_DESIGNS }, { set, segments: 20, designs: MERGED_DESIGNS }]
}

function largeTrial(set: VectorSet): Trial {
  return { set, segments: LARGE_SEGMENTS, designs: MERGED_DESIGNS }
}

const NOTES = [
  'Verified: the exact scan gives the nearest rows as worked out one by one in Node, for every query; recall is counted against those; each search was planned as its name says; codes made in Node are those of binary_quantize; every graph fitted the memory for its build.',
  'Pictures: random cuts of photos by the embed stage\'s own code and a CLIP-shaped stand-in model, so each has many close relatives. Half of the queries are other cuts of the same photos, half are cuts of every tenth photo, which is held out. A mixture: a thousand Gaussian components in the likeness of those vectors, for size, with queries of the same components and of others; it is no evidence of recall on pictures.',
  'A table of the bench\'s own: the asset\'s vector with as many bytes beside it as make six rows a page, sealed as the store seals a segment: one transaction, COPY FREEZE, key, index, attach. Searches with ×n take 10·n candidates by their signs and order them by the vectors; hnsw.ef_search is as many, at least 40. HNSW of halfvec takes ef_search 100. ef_construction is 64.',
  'One process builds, one searches, pages in memory, after 20 queries that do not count. CPU is the server process\'s. Segments: the same rows, parted. Baselines: of a search the exact scan of the same segments; of sealing, rows and key alone.',
]

const NO_PHOTOS = '**No photos**: ../shared/data is not there, so the vectors are drawn numbers, and whether the index is to be kept cannot be judged.'
