/** What the trials come to: figures, the whole of them in lines, and whether the index is to be kept. */
import type { Metric } from '../result.ts'
import type { Cost } from './cost.ts'
import { designName, titleOf, type Outcome } from './searches.ts'
import type { Design, Sealing } from './segments.ts'
import type { Finding } from './trial.ts'
import { countOf, type VectorSet } from './vector-set.ts'

/** The kill criterion: the index is dropped below this, at ten candidates for each row wanted. */
const LEAST_RECALL = 0.95
const JUDGED_OVERSAMPLING = 10
/** The design's wish, said of sets of this size only: nothing is concluded from smaller ones. */
const WISHED_ROWS = 1_000_000
const MOST_P95_MS = 50

/** The binary-quantised index that is judged. */
const isProposed = ({ design }: Finding): boolean => design.kind === 'hnsw' && design.of === 'signs' && design.m === 16

/** The figures that a decision needs; `linesOf` has all. */
export function metricsOf(findings: Finding[]): Metric[] {
  return findings.flatMap((finding) => [...searchMetrics(finding, findings), ...(finding.trial.segments === 1 ? costMetrics(finding, findings) : [])])
}

/** Times of what is compared in every number of segments, and recall where the criterion is applied, or at all oversamplings of what it is applied to. */
function searchMetrics(finding: Finding, findings: Finding[]): Metric[] {
  const exact = alone(finding, findings).outcomes[0]!
  return finding.outcomes.flatMap((outcome) => {
    const { oversampling = JUDGED_OVERSAMPLING } = outcome.search
    const title = `${placeOf(finding)}: ${titleOf(outcome.search)}`
    if (oversampling !== JUDGED_OVERSAMPLING) return isProposed(finding) ? [recallMetric(title, outcome.recall)] : []
    return [...(outcome === exact ? [] : recallMetrics(title, outcome, isProposed(finding))), ...(isVariation(finding) ? [] : timeMetrics(title, finding, outcome, exact))]
  })
}

function isVariation({ design }: Finding): boolean {
  return (design.kind === 'codes' && design.centre !== undefined) || (design.kind === 'hnsw' && design.m !== 16)
}

/** What is judged is told by kinds of queries too. */
function recallMetrics(title: string, { recall, recalls }: Outcome, isJudged: boolean): Metric[] {
  if (!isJudged) return [recallMetric(title, recall)]
  const kinds = recalls.size > 1 ? [...recalls].map(([kind, value]) => recallMetric(`${title}, ${kind}`, value)) : []
  return [{ ...recallMetric(title, recall), target: `≥ ${LEAST_RECALL}`, met: recall >= LEAST_RECALL }, ...kinds]
}

function recallMetric(title: string, value: number): Metric {
  return { name: `${title}: recall@10`, value, unit: '' }
}

function timeMetrics(title: string, { trial }: Finding, outcome: Outcome, exact: Outcome): Metric[] {
  const { p95Ms, cpuMs } = outcome
  const isOther = outcome !== exact
  return [
    { name: `${title}: p95`, value: p95Ms, unit: 'ms', ...against(p95Ms, isOther ? exact.p95Ms : undefined), ...(countOf(trial.set) >= WISHED_ROWS ? { target: `≤ ${MOST_P95_MS}`, met: p95Ms <= MOST_P95_MS } : {}) },
    ...(cpuMs === undefined ? [] : [{ name: `${title}: CPU`, value: cpuMs, unit: 'ms/search', ...against(cpuMs, isOther ? exact.cpuMs : undefined) }]),
  ]
}

/** What a design adds to sealing rows and key, beside what these take. */
function costMetrics(finding: Finding, findings: Finding[]): Metric[] {
  const { design, sealing } = finding
  if (design.kind === 'none') return []
  const title = `${placeOf(finding)}: ${designName(design)}`
  const base = alone(finding, findings).sealing
  const cpu = microsPerRow(sealing, sealing.added)
  return [
    { name: `${title}: sealing takes more CPU`, value: cpu, unit: 'µs/row', ...against(cpu, microsPerRow(base, base.whole)) },
    { name: `${title}: more bytes`, value: sealing.added.bytes / sealing.rows, unit: 'bytes/row', ...against(sealing.added.bytes / sealing.rows, base.whole.bytes / base.rows) },
    { name: `${title}: more WAL`, value: sealing.added.walBytes / sealing.rows, unit: 'bytes/row', ...against(sealing.added.walBytes / sealing.rows, base.whole.walBytes / base.rows) },
  ]
}

/** WAL where it is not written for tables of the same transaction. */
export function minimalMetrics({ name }: VectorSet, sealings: { design: Design; sealing: Sealing }[]): Metric[] {
  return sealings.map(({ design, sealing: { whole, added, rows } }) => ({
    name: `${name}, wal_level = minimal: ${designName(design)}: ${design.kind === 'none' ? '' : 'more '}WAL`,
    value: (design.kind === 'none' ? whole : added).walBytes / rows, unit: 'bytes/row',
  }))
}

/** Every figure in a line for each design and search. */
export function linesOf(findings: Finding[]): string[] {
  return findings.flatMap((finding) => [
    `${placeOf(finding)}, ${designName(finding.design)}: sealed in ${finding.sealing.whole.seconds.toFixed(1)} s (CPU ${seconds(finding.sealing.whole)}), of it ${finding.sealing.added.seconds.toFixed(1)} s (CPU ${seconds(finding.sealing.added)}) for the design.`,
    ...finding.outcomes.map((outcome) => `${placeOf(finding)}, ${searchLine(outcome)}.`),
  ])
}

function searchLine(outcome: Outcome): string {
  const { search, recalls, p50Ms, p95Ms } = outcome
  const found = [...recalls].map(([kind, recall]) => `${recall.toFixed(3)} (${kind})`).join(', ')
  return `${titleOf(search)}: recall@10 ${found}; p50 ${p50Ms.toFixed(2)} ms, p95 ${p95Ms.toFixed(2)} ms, CPU ${milliseconds(outcome)}`
}

/** The kill criterion, and what the index costs and saves, of one set. */
export function verdictOf(findings: Finding[]): string {
  const proposed = findings.find((finding) => isProposed(finding) && finding.trial.segments === 1)
  if (!proposed) return 'The index was not tried.'
  const base = alone(proposed, findings)
  const outcome = judged(proposed)
  const codes = findings.find(({ trial, design }) => trial === proposed.trial && design.kind === 'codes' && !design.centre)
  const added = proposed.sealing.added
  return [
    `${proposed.trial.set.name}, one segment: recall@10 after ${JUDGED_OVERSAMPLING} times oversampling is ${outcome.recall.toFixed(3)}: the index is ${outcome.recall < LEAST_RECALL ? 'dropped' : 'not dropped'} by the criterion of ${LEAST_RECALL}.`,
    ...(codes ? [`A scan of all codes, which an index of them comes near at best, reaches ${judged(codes).recall.toFixed(3)}.`] : []),
    `CPU of a search: ${milliseconds(outcome)}; exact scan ${milliseconds(base.outcomes[0]!)}${codes ? `; scan of codes ${milliseconds(judged(codes))}` : ''}.`,
    `Sealing: CPU ${seconds(base.sealing.whole)} without the index, ${seconds(added)} more with it, and ${Math.round(added.bytes / proposed.sealing.rows)} more bytes a row (${Math.round(added.walBytes / proposed.sealing.rows)} of WAL).`,
  ].join(' ')
}

function judged({ outcomes }: Finding): Outcome {
  return outcomes.find(({ search }) => search.oversampling === JUDGED_OVERSAMPLING)!
}

/** The same rows without anything for searches. */
function alone({ trial }: Finding, findings: Finding[]): Finding {
  return findings.find((finding) => finding.trial === trial && finding.design.kind === 'none')!
}

function placeOf({ trial: { set, segments } }: Pick<Finding, 'trial'>): string {
  return segments === 1 ? set.name : `${set.name} in ${segments} segments`
}

function against(value: number, baseline: number | undefined): { baseline?: number; ratio?: number } {
  return baseline === undefined || baseline === 0 ? {} : { baseline, ratio: value / baseline }
}

/** Of the clock where the processor's time is not known. */
function microsPerRow({ rows }: Sealing, { cpuSeconds, seconds: wall }: Cost): number {
  return ((cpuSeconds ?? wall) / rows) * 1e6
}

function seconds({ cpuSeconds }: Cost): string {
  return cpuSeconds === undefined ? 'not known' : `${cpuSeconds.toFixed(2)} s`
}

function milliseconds({ cpuMs }: Outcome): string {
  return cpuMs === undefined ? 'not known' : `${cpuMs.toFixed(2)} ms`
}
