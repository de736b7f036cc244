/** Rounds of faults, one after the other, until a bound is reached. */
import { Arena } from './arena.ts'
import { mountSmallDisk } from './disk.ts'
import type { Fault, Row } from './fault.ts'
import { FAULTS } from './faults.ts'
import { figuresOf, type FaultFigures } from './figures.ts'
import { provenance } from './report.ts'
import { runRound, type RoundResult } from './round.ts'

export interface CampaignOptions {
  seed: string
  only: readonly Row[]
  /** Whichever bound is reached first ends the campaign; without any, each fault has one round. */
  minutes?: number
  kills?: number
  rounds?: number
  /** Goes on after a violation. */
  keepGoing: boolean
  eventsPerSecond: number
  /** A line for people. */
  say(line: string): void
  /** What happens within a round. */
  detail(line: string): void
}

export interface Violation { fault: Row; seed: string; invariant: string; detail: string }

export interface CampaignResult {
  seed: string
  commit: string
  machine: string
  at: string
  minutes: number
  rounds: number
  events: number
  strikes: number
  kills: number
  rows: FaultFigures[]
  violations: Violation[]
}

/** Longest time for the faults of one round. */
const FAULT_MS = 90_000

/** When so many kills are asked for, the rounds that kill most. */
const KILLERS: readonly Row[] = ['F1', 'F1', 'F3', 'F1', 'F2', 'F1', 'F15']

export class Campaign {
  readonly #options: CampaignOptions
  readonly #startedMs = performance.now()
  readonly #results: RoundResult[] = []
  readonly #notRun = new Map<Row, string>()
  #arena: Arena | undefined
  /** The arena of a round that has a disk of its own. */
  #passing: { arena: Arena; unmount(): void } | undefined
  #isEnding = false

  constructor(options: CampaignOptions) {
    this.#options = options
  }

  async run(): Promise<CampaignResult> {
    const plan = this.#plan()
    try {
      for (let n = 0; plan.length > 0 && !this.#isDone(n, plan.length); n++) {
        const result = await this.#round(plan[n % plan.length]!, n)
        this.#results.push(result)
        if (result.broken.length > 0 && !this.#options.keepGoing) break
      }
      return this.result()
    } finally {
      await this.close()
    }
  }

  /** As far as it has come. */
  result(): CampaignResult {
    const results = this.#results
    const sum = (of: (result: RoundResult) => number): number => results.reduce((total, result) => total + of(result), 0)
    return {
      seed: this.#options.seed, ...provenance(), minutes: Math.round((performance.now() - this.#startedMs) / 6_000) / 10, rounds: results.length,
      events: sum(({ events }) => events), kills: sum(({ kills }) => kills),
      strikes: sum(({ strikes }) => strikes.reduce((count, strike) => count + (strike.count ?? 1), 0)),
      rows: FAULTS.map((fault) => figuresOf(fault, results, this.#notRun.get(fault.name))),
      violations: results.flatMap(({ rows, seed, broken }) => broken.map((each) => ({ fault: rows[0]!, seed, ...each }))),
    }
  }

  /** Ends all processes and the stack; idempotent, and safe in the middle of a round. */
  async close(): Promise<void> {
    this.#isEnding = true
    const [arena, passing] = [this.#arena, this.#passing]
    this.#arena = this.#passing = undefined
    await arena?.close()
    await this.#closePassing(passing)
  }

  #plan(): Fault[] {
    const { only, kills } = this.#options
    const named = only.length > 0 ? only : kills !== undefined ? KILLERS : FAULTS.map(({ name }) => name)
    return named.map((name) => FAULTS.find((fault) => fault.name === name)!).filter((fault) => {
      const reason = fault.impossible?.()
      if (reason !== undefined) this.#notRun.set(fault.name, reason)
      return reason === undefined
    })
  }

  #isDone(done: number, planned: number): boolean {
    const { minutes, kills, rounds } = this.#options
    if (this.#isEnding) return true
    if (minutes === undefined && kills === undefined && rounds === undefined) return done >= planned
    return this.#share(done) >= 1
  }

  /** How much of the nearest bound is done, from 0 to 1. */
  #share(done: number): number {
    const { minutes, kills, rounds } = this.#options
    const killed = this.#results.reduce((sum, result) => sum + result.kills, 0)
    return Math.max(minutes === undefined ? 0 : (performance.now() - this.#startedMs) / (minutes * 60_000), kills === undefined ? 0 : killed / kills, rounds === undefined ? 0 : done / rounds)
  }

  async #round(fault: Fault, n: number): Promise<RoundResult> {
    const { seed, eventsPerSecond, say, detail } = this.#options
    const roundSeed = n === 0 ? seed : `${seed}.${n}`
    say(`round ${n + 1}: ${fault.name} ${fault.title}, seed ${roundSeed}${this.#eta(n)}`)
    const arena = await this.#arenaFor(fault)
    try {
      const result = await runRound(arena, { seed: roundSeed, faults: [fault], faultMs: FAULT_MS, eventsPerSecond, say: detail })
        .catch((error: unknown) => failedRound(fault, roundSeed, error))
      say(told(result))
      return result
    } finally {
      const passing = this.#passing
      this.#passing = undefined
      await this.#closePassing(passing)
    }
  }

  async #arenaFor(fault: Fault): Promise<Arena> {
    if (fault.needs?.smallDisk !== true) return (this.#arena ??= await Arena.open())
    const { dir, unmount } = mountSmallDisk()
    try {
      this.#passing = { arena: await Arena.open(dir), unmount }
      return this.#passing.arena
    } catch (error) {
      unmount()
      throw error
    }
  }

  async #closePassing(passing: { arena: Arena; unmount(): void } | undefined): Promise<void> {
    await passing?.arena.close()
    passing?.unmount()
  }

  #eta(done: number): string {
    const share = this.#share(done)
    const violations = this.#results.reduce((sum, { broken }) => sum + broken.length, 0)
    if (done === 0) return ''
    const leftMs = share === 0 ? Number.NaN : ((performance.now() - this.#startedMs) * (1 - share)) / share
    return ` (${violations} violations so far${Number.isNaN(leftMs) ? '' : `, ${Math.ceil(leftMs / 60_000)} min left`})`
  }
}

/** A round that could not be run to its end is not in order, but does not end the campaign. */
function failedRound({ name }: Fault, seed: string, error: unknown): RoundResult {
  const detail = error instanceof Error ? error.stack ?? error.message : String(error)
  return { seed, rows: [name], strikes: [], broken: [{ invariant: 'round-failed', detail }], counts: {}, events: 0, kills: 0, drainMs: 0, totalMs: 0, perSecond: {} }
}

function told({ rows, seed, strikes, kills, events, broken, drainMs, totalMs }: RoundResult): string {
  const fired = strikes.reduce((sum, { count = 1 }) => sum + count, 0)
  const summary = `  ${events} events, ${fired} strikes, ${kills} kills, done ${(drainMs / 1_000).toFixed(1)} s after the faults, ${(totalMs / 1_000).toFixed(0)} s in all`
  if (broken.length === 0) return `${summary}: all held`
  const again = `npm run test:faults -- --only ${rows.join(',')} --seed ${seed} --rounds 1`
  return [summary, ...broken.slice(0, 20).map(({ invariant, detail }) => `  VIOLATION ${invariant}: ${detail}`), `  ${broken.length} violations; again: ${again}`].join('\n')
}
