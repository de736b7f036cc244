/** So many strikes at one sink, first at its processes, then at its connection and ownership; then rows must equal input. */
import { Deck, seeded } from '#test/delivery/faults/random.ts'
import { Arena } from './arena.ts'
import { differences, finished } from './judge.ts'
import { KILLED_AT, killAt, STRIKES } from './strikes.ts'

export interface SinkCampaign {
  seed: string
  /** Strikes at the connection, and processes killed. */
  strikes: number
  kills: number
  /** Longest time for the strikes; those that do not fit are left out. */
  limitMs?: number
  say?(line: string): void
}

export interface SinkCampaignResult {
  seed: string
  /** How often each struck. */
  struck: Record<string, number>
  /** Rows and failures that were to be stored. */
  rows: number
  failures: number
  /** Commits that had an effect, by the server's count. */
  seconds: number
  /** A line for each; empty when rows equal input. */
  differences: string[]
}

const KILL_PASSES = 3

export async function strikeSink({ seed, strikes, kills, limitMs = Infinity, say = () => {} }: SinkCampaign): Promise<SinkCampaignResult> {
  const random = seeded(`${seed} sink`)
  const startedMs = performance.now()
  const isTimeUp = (share: number): boolean => performance.now() - startedMs > limitMs * share
  const struck: Record<string, number> = {}
  const arena = await Arena.open(random)
  const count = (name: string): void => {
    struck[name] = (struck[name] ?? 0) + 1
    say(`${((performance.now() - startedMs) / 1_000).toFixed(1)} s: ${name}`)
  }
  try {
    const failpoints = new Deck(KILLED_AT, random)
    for (let n = 0; n < kills && !isTimeUp(0.6); n++) {
      const name = failpoints.next()
      await killAt(arena, name, name === 'after-claim' ? 1 : random.whole(1, KILL_PASSES))
      count(`killed at ${name}`)
    }
    await arena.endCrew()
    await arena.startSink()
    const deck = new Deck(STRIKES.flatMap((strike) => Array.from({ length: strike.weight }, () => strike)), random)
    for (let n = 0; n < strikes && !isTimeUp(1); n++) {
      const strike = deck.next()
      await strike.strike(arena, random)
      count(strike.name)
    }
    await finished(arena)
    const { inputs } = arena
    return {
      seed, struck, rows: inputs.of('sound').length, failures: inputs.all.length - inputs.of('sound').length,
      seconds: Math.round((performance.now() - startedMs) / 1_000), differences: await differences(arena),
    }
  } finally {
    await arena.close()
  }
}
