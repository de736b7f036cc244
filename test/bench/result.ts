/** What a benchmark reports, and how it is kept. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import Table from 'cli-table3'

export interface Metric {
  name: string
  value: number
  unit: string
  /** The same figure of the baseline, measured in the same run. */
  baseline?: number
  /** value / baseline. */
  ratio?: number
  /** What is to be reached; the direction is the bench's own: `met` says whether it is. */
  target?: string
  met?: boolean
}

export interface BenchResult {
  name: string
  commit: string
  machine: string
  at: string
  /** Whether the output was checked and right; a fast wrong answer is no result. */
  verified: boolean
  notes: string[]
  metrics: Metric[]
}

export interface BenchOptions {
  /** The whole load, where the usual run makes do with a part of it. */
  full: boolean
  /** A regular expression: only the variants whose names it matches, for benches that have variants. */
  only?: string | undefined
  /** Where a report in HTML goes, for benches that make one. */
  html?: string | undefined
}

export interface Bench {
  name: string
  /** One line: what is measured, against what. */
  about: string
  run(options: BenchOptions): Promise<Pick<BenchResult, 'verified' | 'notes' | 'metrics'>>
}

const ROOT = join(import.meta.dirname, '..', '..')
const RESULTS = join(import.meta.dirname, 'RESULTS.md')

export async function runBench(bench: Bench, options: BenchOptions): Promise<BenchResult> {
  const outcome = await bench.run(options)
  return { name: bench.name, commit: commit(), machine: machine(), at: new Date().toISOString().slice(0, 10), ...outcome }
}

export function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim()
  return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', '.', ':!test/bench/RESULTS.md') === '' ? '' : ' with changes')
}

export function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`
}

export function toTable({ metrics }: BenchResult): string {
  const table = new Table({ head: ['metric', 'value', 'unit', 'baseline', 'ratio', 'target', 'met'], style: { head: [], border: [] } })
  for (const metric of metrics) table.push(cells(metric))
  return table.toString()
}

function cells({ name, value, unit, baseline, ratio, target, met }: Metric): string[] {
  return [name, shown(value), unit, baseline === undefined ? '' : shown(baseline), ratio === undefined ? '' : ratio.toFixed(2), target ?? '', met === undefined ? '' : met ? 'yes' : 'no']
}

function shown(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

/** Replaces the bench's section in RESULTS.md, or adds it. */
export function record(bench: Bench, result: BenchResult): void {
  const text = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '# Results\n\nWritten by `npm run bench -- NAME`. Each section is one run, with its baseline in the same run.\n'
  const section = renderSection(bench, result)
  const found = new RegExp(`\\n## ${bench.name}\\n[^]*?(?=\\n## |$)`)
  writeFileSync(RESULTS, found.test(text) ? text.replace(found, () => `\n${section}`) : `${text}\n${section}`)
}

function renderSection({ name, about }: Bench, { commit: at, machine: on, at: day, verified, notes, metrics }: BenchResult): string {
  return [
    `## ${name}`, '', about, '',
    `${day}, commit ${at}, ${on}. Output ${verified ? 'verified' : '**not verified**'}.`, '',
    '| metric | value | unit | baseline | ratio | target | met |', '|---|---|---|---|---|---|---|',
    ...metrics.map((metric) => `| ${cells(metric).join(' | ')} |`), '',
    ...notes.map((note) => `- ${note}`), '',
  ].join('\n')
}
