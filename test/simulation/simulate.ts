/**
 * One seed, one run: a phase with faults (safety), then one without (liveness), in which all must finish within a bounded
 * time. Precedents: FoundationDB's simulation, TigerBeetle's VOPR. The loops, their commit procedures and their guards are
 * the product's own; broker, database, network and time are simulated.
 */
import { judge } from './oracle/verdict.ts'
import { calmDown, planFaults } from './faults.ts'
import type { ReaderName } from './ports/reader.ts'
import { unfinished } from './progress.ts'
import type { Violation, Invariant } from './violations.ts'
import { planEvents } from './workload/events.ts'
import { World } from './world.ts'

export interface Outcome {
  seed: number
  violations: Violation[]
  /** All of them, also those that are not listed. */
  counts: Partial<Record<Invariant, number>>
  /** Hash of everything that happened. */
  digest: string
  /** The last lines of the trace. */
  tail: string[]
  coverage: [string, number][]
  records: number
  virtualMs: number
  /** From the end of the faults until everything was done. */
  finishMs: number
}

export interface SimulateOptions {
  reader?: ReaderName
  echo?: (line: string) => void
}

/** After the faults: sessions, fenced owners' waits and transaction timeouts end within a minute, twice over. */
const LIVENESS_MS = 300_000
const LOOK_EVERY_MS = 500

/** What was announced is still to be committed. */
const AFTERMATH_MS = 1_000

export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Outcome> {
  const world = new World(seed, options.reader ?? 'ours', options.echo)
  const stopWatching = watchRejections(world)
  try {
    await run(world)
  } finally {
    stopWatching()
  }
  const { violations, trace, coverage } = world
  return {
    seed, violations: violations.list, counts: Object.fromEntries(violations.counts), digest: trace.digest(), tail: trace.tail(),
    coverage: [...coverage.counts], records: world.broker.committedRecords('event.made').length, virtualMs: world.elapsedMs,
    finishMs: world.elapsedMs - world.parameters.faultMs,
  }
}

async function run(world: World): Promise<void> {
  const { clock, parameters, random, hosts } = world
  const startMs = clock.now()
  world.trace.note(JSON.stringify({ ...parameters, strikes: Object.fromEntries([...parameters.strikes].filter(([, chance]) => chance > 0.01)) }))
  for (const { atMs, record } of planEvents(parameters.events, parameters.partitions, random.fork(), world.coverage)) {
    clock.after(atMs, () => world.broker.log(record).append([record]))
  }
  for (const host of hosts) clock.after(random.below(2_000), () => host.start())
  planFaults(world, random.fork())
  await runUntil(world, startMs + parameters.faultMs)
  calmDown(world)
  const untilMs = clock.now() + LIVENESS_MS
  let stuck = ['not looked at']
  while (stuck.length > 0 && clock.now() < untilMs && world.violations.list.length < 20) {
    await runUntil(world, clock.now() + LOOK_EVERY_MS)
    stuck = isAllMade(world, startMs) && world.network.lateOnes === 0 ? unfinished(world) : ['requests are still under way']
  }
  await runUntil(world, clock.now() + AFTERMATH_MS)
  if (stuck.length > 0) world.violations.add('not-finished', `${LIVENESS_MS / 1000} s after the faults ended: ${stuck.join('; ')}`)
  else judge(world)
}

/** Events that are written twice may come after the first phase. */
function isAllMade({ clock, parameters }: World, startMs: number): boolean {
  return clock.now() > startMs + parameters.faultMs * 1.5
}

async function runUntil({ clock }: World, untilMs: number): Promise<void> {
  await clock.advance(untilMs - clock.now())
}

/** What nobody waits for and fails would end a real process. */
function watchRejections(world: World): () => void {
  const seen = (reason: unknown): void => world.violations.add('unhandled-rejection', reason instanceof Error ? reason.stack ?? reason.message : String(reason))
  process.on('unhandledRejection', seen)
  return () => process.off('unhandledRejection', seen)
}
