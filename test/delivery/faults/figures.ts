/** What a campaign's rounds add up to, fault by fault. */
import { percentile } from '../../bench/percentile.ts'
import type { Fault, Row } from './fault.ts'
import type { RoundResult } from './round.ts'

export interface Spread { p50: number; p95: number; max: number; count: number }

export interface FaultFigures {
  fault: Row
  title: string
  parameters: string
  runs: number
  /** Strikes that really happened. */
  fired: number
  kills: number
  events: number
  /** By invariant; empty when all held. */
  violations: Record<string, number>
  /** From a strike, or from its end where it lasts, until every partition of the stage has committed again. */
  recoveryMs?: Spread
  /** From the end of all faults until everything was finished. */
  drainMs?: Spread
  /** Records beyond the first of their event id on all topics of a round. */
  repeated?: Spread
  /** Records of aborted transactions in a round. */
  aborted?: Spread
  /** Records a second into the database; medians. */
  perSecond: { before?: number; during?: number; after?: number }
  seeds: string[]
  /** Why it was not run. */
  notRun?: string
}

export function figuresOf(fault: Fault, results: readonly RoundResult[], notRun?: string): FaultFigures {
  const own = results.filter(({ rows }) => rows.includes(fault.name))
  const strikes = own.flatMap((result) => result.strikes.filter(({ row }) => row === fault.name))
  const speeds = (when: 'before' | 'during' | 'after') => own.flatMap(({ perSecond }) => perSecond[when] ?? [])
  return {
    fault: fault.name, title: fault.title, parameters: fault.parameters, runs: own.length,
    fired: strikes.reduce((sum, { count = 1 }) => sum + count, 0),
    kills: own.reduce((sum, { kills }) => sum + kills, 0),
    events: own.reduce((sum, { events }) => sum + events, 0),
    violations: countBy(own.flatMap(({ broken }) => broken.map(({ invariant }) => invariant))),
    ...spread('recoveryMs', strikes.flatMap(({ recoveryMs }) => recoveryMs ?? [])),
    ...spread('drainMs', own.map(({ drainMs }) => drainMs)),
    ...spread('repeated', own.map(repeatedIn)),
    ...spread('aborted', own.flatMap(({ counts }) => counts['aborted'] ?? [])),
    perSecond: { ...median('before', speeds('before')), ...median('during', speeds('during')), ...median('after', speeds('after')) },
    seeds: own.map(({ seed }) => seed),
    ...(notRun === undefined ? {} : { notRun }),
  }
}

function repeatedIn({ counts }: RoundResult): number {
  return ['check', 'first', 'keep'].reduce((sum, stage) => sum + (counts[`repeated.${stage}`] ?? 0), 0)
}

function spread<K extends string>(name: K, values: number[]): { [P in K]?: Spread } {
  if (values.length === 0) return {}
  const rounded = values.map(Math.round)
  return { [name]: { p50: percentile(rounded, 0.5), p95: percentile(rounded, 0.95), max: Math.max(...rounded), count: rounded.length } } as { [P in K]?: Spread }
}

function median<K extends string>(name: K, values: number[]): { [P in K]?: number } {
  return values.length === 0 ? {} : { [name]: Math.round(percentile(values, 0.5)) } as { [P in K]?: number }
}

function countBy(names: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, same]) => [name, same.length]))
}
