/**
 * One round: events flow, faults strike, the faults end, everything must finish within a bounded time (liveness), and
 * then the oracle must find nothing (safety).
 */
import { setTimeout as wait } from 'node:timers/promises'
import { reasonOf } from '#runtime/errors.ts'
import type { Arena } from './arena.ts'
import type { Broken, Fault, RoundNeeds, Row } from './fault.ts'
import { judge, prepare } from './judging.ts'
import { World, type Strike } from './world.ts'

export interface RoundOptions {
  seed: string
  faults: readonly Fault[]
  /** How often each fault is to strike; as often as the fault itself says when absent. */
  strikes?: (fault: Fault) => number
  /** Longest time for faults. */
  faultMs: number
  eventsPerSecond: number
  say?: (line: string) => void
}

export interface StrikeResult extends Strike {
  recoveryMs?: number
}

export interface RoundResult {
  seed: string
  rows: Row[]
  strikes: StrikeResult[]
  broken: Broken[]
  /** As the oracle counts them. */
  counts: Record<string, number>
  events: number
  /** Processes killed by faults. */
  kills: number
  /** From the end of faults until everything was finished. */
  drainMs: number
  totalMs: number
  /** Records a second into the database. */
  perSecond: { before?: number; during?: number; after?: number }
}

/** Enough for every partition to have some. When they are done, six processes have started and three groups formed. */
const FIRST_EVENTS = 40
const START_DEADLINE_MS = 60_000
/** The flow settles, and goes on without faults for so long before and after them. */
const SETTLE_MS = 1_000
const CALM_BEFORE_MS = 3_000
const CALM_AFTER_MS = 2_000
/** Several sessions, rebalances and the longest waits of the runtime (30 s after a rival's fence) one after the other. */
const LIVENESS_MS = 150_000
const LOOK_MS = 300

export async function runRound(arena: Arena, options: RoundOptions): Promise<RoundResult> {
  const startedMs = performance.now()
  const world = await World.open(arena, { ...needsOf(options.faults), seed: options.seed, ...(options.say ? { say: options.say } : {}) })
  try {
    await prepare(world)
    const times = await flow(world, options)
    const isFinished = !world.broken.some(({ invariant }) => invariant === 'not-finished')
    const { broken, counts } = isFinished ? await judge(world) : { broken: [], counts: {} }
    world.broken.push(...broken)
    if (isFinished) for (const fault of options.faults) world.broken.push(...((await fault.afterwards?.(world)) ?? []))
    return {
      seed: options.seed, rows: options.faults.map(({ name }) => name), broken: world.broken, counts, events: world.flow.produced.length, kills: world.kills,
      strikes: world.strikes.map((strike) => withRecovery(world, strike)),
      drainMs: times.finishedMs - times.healedMs, totalMs: performance.now() - startedMs, perSecond: throughput(world, times),
    }
  } finally {
    await world.close()
  }
}

interface Times { flowingMs: number; healedMs: number; finishedMs: number }

async function flow(world: World, { faults, faultMs, eventsPerSecond, strikes = (fault) => fault.strikes }: RoundOptions): Promise<Times> {
  world.samples.start()
  world.startCrew()
  await world.flow.write(FIRST_EVENTS)
  await until(START_DEADLINE_MS, () => world.unfinished(), world)
  world.flow.start(eventsPerSecond)
  await wait(SETTLE_MS)
  const flowingMs = Date.now()
  await wait(CALM_BEFORE_MS)
  await strikeAll(world, faults, faultMs, strikes)
  const healedMs = Date.now()
  await wait(CALM_AFTER_MS)
  await world.flow.stop()
  await until(LIVENESS_MS, () => world.unfinished(), world)
  const finishedMs = Date.now()
  await world.samples.stop()
  world.broken.push(...(await world.stopCrew()))
  return { flowingMs, healedMs, finishedMs }
}

async function strikeAll(world: World, faults: readonly Fault[], faultMs: number, strikes: (fault: Fault) => number): Promise<void> {
  const timer = setTimeout(() => world.endFaults(), faultMs)
  try {
    await Promise.all(faults.map((fault) => fault.inject?.(world, strikes(fault))))
  } finally {
    clearTimeout(timer)
    world.endFaults()
    for (const fault of faults) await fault.heal?.(world)
    await world.calm()
  }
}

/** Waits until nothing is missing; what still is after the deadline is a violation. */
async function until(deadlineMs: number, missing: () => Promise<string>, world: World): Promise<void> {
  const deadline = performance.now() + deadlineMs
  for (;;) {
    const what = await missing().catch((error: unknown) => `no answer (${reasonOf(error)})`)
    if (what === '') return
    if (performance.now() > deadline) return void world.broken.push({ invariant: 'not-finished', detail: `after ${deadlineMs / 1_000} s: ${what}\n${world.tails()}` })
    await wait(LOOK_MS)
  }
}

function throughput({ samples, strikes }: World, { flowingMs, healedMs, finishedMs }: Times): RoundResult['perSecond'] {
  const firstMs = Math.min(healedMs, ...strikes.map(({ atMs }) => atMs))
  const named = { before: samples.perSecond(flowingMs, firstMs), during: samples.perSecond(firstMs, healedMs), after: samples.perSecond(healedMs, finishedMs) }
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined))
}

/** Until every partition of the stage that was hit has moved again; of the sink when all were hit. */
function withRecovery({ samples }: World, strike: Strike): StrikeResult {
  const recoveryMs = samples.recoveryMs(strike.stage ?? 'keep', strike.atMs, strike.healedMs)
  return recoveryMs === undefined ? strike : { ...strike, recoveryMs }
}

function needsOf(faults: readonly Fault[]): RoundNeeds {
  return Object.assign({}, ...faults.map(({ needs }) => needs))
}
