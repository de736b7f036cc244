/** What a run over many seeds tells: for people and, as JSON, for programs. */
import type { Coverage } from './coverage.ts'
import type { Outcome } from './simulate.ts'

export interface Report {
  seeds: number
  /** The first seed. */
  from: number
  seconds: number
  broken: Outcome[]
  coverage: Record<string, number>
  /** Virtual time from the end of the faults to the end of the work, at most. */
  slowestFinishMs: number
}

export function reportOf(run: { seeds: number; from: number; seconds: number; broken: Outcome[]; coverage: Coverage; slowestFinishMs: number }): Report {
  return { ...run, coverage: Object.fromEntries(run.coverage.counts) }
}

export function describeOutcome({ seed, violations, tail, counts }: Outcome): string {
  const broken = violations.slice(0, 8).map(({ invariant, detail }) => `  ${invariant}: ${detail}`)
  return [`seed ${seed}: ${JSON.stringify(counts)}`, ...broken, '  last of the trace:', ...tail.map((line) => `    ${line}`)].join('\n')
}

export function describeReport({ seeds, seconds, broken, slowestFinishMs }: Report, coverage: Coverage): string {
  const missing = coverage.missing()
  return [
    `${seeds} seeds in ${seconds.toFixed(1)} s (${(1000 * seconds / seeds).toFixed(0)} ms each), ${broken.length} broken${broken.length > 0 ? `: ${broken.map(({ seed }) => seed).join(' ')}` : ''}`,
    `slowest end after the faults: ${(slowestFinishMs / 1000).toFixed(0)} s`,
    `came to pass: ${coverage.toString()}`,
    ...(missing.length > 0 ? [`never: ${missing.join(', ')}`] : []),
  ].join('\n')
}
