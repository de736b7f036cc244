/** What the demo found, as one plain JSON value: counts, deviations, duplicates, clusters, latencies. Pure. */
import { type ClusterFigures, clusterFigures, overallPurity } from './clusters.ts'
import { type DemoFacts, type FailedAsset, type Kind, KINDS, type Pointer, type Relation, RELATIONS, type Search, type StageFigures, type StoredAsset } from './facts.ts'
import { type Fault, type Finding, judge, type Outcome, outcomeOf } from './judge.ts'
import { type LatencyBin, latencyBins, type LatencyFigures, latencyFigures } from './latency.ts'

export interface Copy {
  name: string
  relation: Relation
  distance: number | null
  evidence: string | null
  /** How it was made, where that is known. */
  note: string | null
}

export interface DuplicateGroup {
  original: string
  kind: Kind
  /** Nearest first. */
  copies: Copy[]
}

export interface CommitFigures {
  commits: number
  rows: number
  /** Rows of the middle and of the largest commit. */
  medianRows: number
  maxRows: number
}

export interface DemoSummary {
  counts: { submitted: number; stored: number; failed: number }
  elapsedMs: number
  model: string | null
  byKind: Record<Kind, Record<Relation, number>>
  /** One for each submitted item. */
  findings: Finding[]
  /** Those findings that are not as expected. */
  deviations: (Finding & { fault: Fault })[]
  duplicates: DuplicateGroup[]
  clusters: ClusterFigures[]
  /** 0 to 1; null when the set says nothing about families. */
  purity: number | null
  failures: FailedAsset[]
  latency: LatencyFigures[]
  latencyBins: LatencyBin[]
  /** Null when nothing was committed. */
  commits: CommitFigures | null
  stages: StageFigures[]
  searches: Search[]
  pointers: Pointer[]
}

/** Least share of pictures that must lie in a cluster of their own family. */
const LEAST_PURITY = 0.8

export function summarize(facts: DemoFacts): DemoSummary {
  const outcome = outcomeOf(facts)
  const findings = judge(outcome)
  const clusters = clusterFigures(facts.assets, outcome.items)
  return {
    counts: { submitted: facts.items.length, stored: facts.assets.length, failed: facts.failures.length },
    elapsedMs: facts.elapsedMs,
    model: facts.model,
    byKind: countByKind(facts.assets),
    findings,
    deviations: findings.filter((finding): finding is Finding & { fault: Fault } => finding.fault !== undefined),
    duplicates: duplicateGroups(facts.assets, outcome),
    clusters,
    purity: overallPurity(clusters),
    failures: [...facts.failures].sort((a, b) => a.stage.localeCompare(b.stage) || a.code.localeCompare(b.code)),
    latency: latencyFigures(facts.assets),
    latencyBins: latencyBins(facts.assets),
    commits: commitFigures(facts.rowsPerCommit),
    stages: [...facts.stages],
    searches: [...facts.searches],
    pointers: [...facts.pointers],
  }
}

/** One sentence for each thing that is not as it must be; empty when all is well. */
export function checkExpectations(summary: DemoSummary): string[] {
  const { counts, purity } = summary
  const problems: string[] = []
  if (counts.submitted !== counts.stored + counts.failed) {
    problems.push(`${counts.submitted} items were submitted, but ${counts.stored} rows and ${counts.failed} failures came of them.`)
  }
  for (const { name, fault, expected, found } of summary.deviations) problems.push(`${name}: ${FAULTS[fault]}. Expected: ${expected}; found: ${found}.`)
  if (purity !== null && purity < LEAST_PURITY) {
    problems.push(`Only ${Math.round(purity * 100)} % of the assets lie in a cluster of their own family; at least ${LEAST_PURITY * 100} % must.`)
  }
  return problems
}

export const FAULTS: Record<Fault, string> = {
  'lost': 'nothing came of it',
  'counted-twice': 'it has both a row and a failure',
  'unexpected-failure': 'it failed and should not have',
  'unexpected-row': 'it was stored and should have failed',
  'wrong-code': 'it failed for another reason',
  'missed-copy': 'the copy was not recognised',
  'false-pair': 'it was taken for a copy of something else',
  'weaker-relation': 'it was recognised, but not as closely related as it is',
}

function countByKind(assets: readonly StoredAsset[]): DemoSummary['byKind'] {
  const none = (): Record<Relation, number> => Object.fromEntries(RELATIONS.map((relation) => [relation, 0])) as Record<Relation, number>
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, none()])) as DemoSummary['byKind']
  for (const { kind, relation } of assets) counts[kind][relation]++
  return counts
}

function duplicateGroups(assets: readonly StoredAsset[], outcome: Outcome): DuplicateGroup[] {
  const copies = Map.groupBy(assets.filter((asset) => asset.relation !== 'original'), (asset) => outcome.originalOf(asset.name))
  return [...copies]
    .map(([original, members]) => ({ original, kind: members[0]!.kind, copies: members.map((asset) => copyOf(asset, outcome)).sort(nearestFirst) }))
    .sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.original.localeCompare(b.original))
}

function copyOf({ name, relation, distance, evidence }: StoredAsset, { items }: Outcome): Copy {
  return { name, relation, distance, evidence, note: items.get(name)?.note ?? null }
}

function nearestFirst(a: Copy, b: Copy): number {
  return RELATIONS.indexOf(a.relation) - RELATIONS.indexOf(b.relation) || (a.distance ?? 0) - (b.distance ?? 0) || a.name.localeCompare(b.name)
}

function commitFigures(rowsPerCommit: readonly number[]): CommitFigures | null {
  if (rowsPerCommit.length === 0) return null
  const sorted = [...rowsPerCommit].sort((a, b) => a - b)
  return {
    commits: sorted.length, rows: sorted.reduce((sum, rows) => sum + rows, 0),
    medianRows: sorted[Math.floor(sorted.length / 2)]!, maxRows: sorted.at(-1)!,
  }
}
