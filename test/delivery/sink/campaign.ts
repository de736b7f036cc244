/** So many strikes at one sink, first at its processes, then at its connection and ownership; then rows must equal input. */
import type { Broken } from '#test/delivery/faults/fault.ts'
import { Deck, seeded, type Random } from '#test/delivery/faults/random.ts'
import { onServer } from '#test/support/database.ts'
import { Arena } from './arena.ts'
import { differences, finished } from './judge.ts'
import { KILLED_AT, killAt, STRIKES } from './strikes.ts'

export interface SinkCampaign {
  seed: string
  /** At the connection and the ownership. */
  strikes: number
  /** Processes killed. */
  kills: number
  /** A line for people. */
  say?(line: string): void
}

export interface SinkCampaignResult {
  seed: string
  /** How often each struck, by name. */
  struck: Record<string, number>
  /** That were to be stored. */
  rows: number
  failures: number
  /** Tables that the rows lie in: the open segment, and those that are sealed. */
  segments: number
  seconds: number
  /** Empty when rows equal input. */
  violations: Broken[]
}

/** A process dies the first to third time that it comes by its failpoint. */
const KILL_PASSES = 3

export async function strikeSink(campaign: SinkCampaign): Promise<SinkCampaignResult> {
  const startedMs = performance.now()
  const random = seeded(`${campaign.seed} sink`)
  const struck: Record<string, number> = {}
  const arena = await Arena.open(random)
  const seconds = (): number => Math.round((performance.now() - startedMs) / 1_000)
  const count = (name: string): void => {
    struck[name] = (struck[name] ?? 0) + 1
    campaign.say?.(`${seconds()} s: ${name}`)
  }
  try {
    const violations = await strikeAndJudge(arena, campaign, random, count)
    const { inputs } = arena
    const rows = inputs.of('sound').length
    return { seed: campaign.seed, struck, rows, failures: inputs.all.length - rows, segments: await segmentsOf(arena), seconds: seconds(), violations }
  } finally {
    await arena.close()
  }
}

async function segmentsOf({ config }: Arena): Promise<number> {
  const [counted] = await onServer<{ tables: number }>(config.databaseUrl, 'select count(distinct tableoid)::int as tables from asset')
  return counted!.tables
}

/** A sink that does not go on is a violation as well. */
async function strikeAndJudge(arena: Arena, { strikes, kills }: SinkCampaign, random: Random, count: (name: string) => void): Promise<Broken[]> {
  try {
    await killProcesses(arena, kills, random, count)
    await strikeConnections(arena, strikes, random, count)
    await finished(arena)
  } catch (error) {
    return [{ invariant: 'not-finished', detail: error instanceof Error ? error.stack ?? error.message : String(error) }]
  }
  return differences(arena)
}

async function killProcesses(arena: Arena, kills: number, random: Random, count: (name: string) => void): Promise<void> {
  const failpoints = new Deck(KILLED_AT, random)
  for (let n = 0; n < kills; n++) {
    const name = failpoints.next()
    await killAt(arena, name, name === 'after-claim' ? 1 : random.whole(1, KILL_PASSES))
    count(`killed at ${name}`)
  }
  await arena.endCrew()
}

async function strikeConnections(arena: Arena, strikes: number, random: Random, count: (name: string) => void): Promise<void> {
  await arena.startSink()
  const deck = new Deck(STRIKES.flatMap((strike) => Array.from({ length: strike.weight }, () => strike)), random)
  for (let n = 0; n < strikes; n++) {
    const strike = deck.next()
    await strike.strike(arena, random)
    count(strike.name)
  }
}
