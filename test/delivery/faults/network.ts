/** Faults of the network: between a process and the broker, and between the sink and Postgres. */
import type { TcpProxy, Toxics } from '#test/support/tcp-proxy.ts'
import type { Fault, Row } from './fault.ts'
import type { Aftermath, ApiName } from './kafka-wire.ts'
import { Deck } from './random.ts'
import type { Slot } from './slot.ts'
import type { StageName } from './workload/topology.ts'
import { SESSION_MS, type World } from './world.ts'

type Trouble =
  | { kind: 'toxics'; name: string; toxics: Partial<Toxics>; ms: number }
  | { kind: 'cut'; name: string; ms: number }
  | { kind: 'reset'; name: string }

const COMMON: readonly Trouble[] = [
  { kind: 'cut', name: 'cut for 5 s', ms: 5_000 },
  { kind: 'reset', name: 'reset' },
  { kind: 'toxics', name: 'replies lost for 8 s', toxics: { swallow: 'replies' }, ms: 8_000 },
  { kind: 'toxics', name: 'requests lost for 8 s', toxics: { swallow: 'requests' }, ms: 8_000 },
  { kind: 'toxics', name: 'latency 100 ± 50 ms', toxics: { latencyMs: 100, jitterMs: 50 }, ms: 6_000 },
  { kind: 'toxics', name: '3000 kbit/s', toxics: { kbitPerS: 3_000, latencyMs: 20 }, ms: 6_000 },
  { kind: 'toxics', name: 'cut after 20,000 bytes', toxics: { dropAfterBytes: 20_000 }, ms: 3_000 },
  { kind: 'toxics', name: 'slow close', toxics: { closeDelayMs: 3_000 }, ms: 4_000 },
]

/** Longer than a session: the others take over, and the cut-off one comes back. */
const LONG_CUTS: readonly Trouble[] = [
  { kind: 'cut', name: 'cut for 10 s', ms: SESSION_MS + 4_000 },
  { kind: 'cut', name: 'cut for 40 s', ms: 40_000 },
]

const LOST: Readonly<Record<StageName, readonly ApiName[]>> = {
  check: ['produce', 'offsetCommit'],
  first: ['endTxn', 'txnOffsetCommit', 'produce'],
  keep: ['produce', 'offsetCommit'],
}

/** A request of that kind comes within this time, while events flow. */
const LOST_WITHIN_MS = 5_000

export const brokerNetwork: Fault = {
  name: 'F9', title: 'network between stage and broker', strikes: 12, parameters: 'cut 5, 10 and 40 s, half-open either way, reset, latency 100 ± 50 ms, 3000 kbit/s, cut within a message, slow close; one reply lost: EndTxn, Produce, OffsetCommit, TxnOffsetCommit',
  async inject(world, strikes) {
    const random = world.randomOf('F9')
    const troubles = new Deck<Trouble>([...COMMON, ...LONG_CUTS], random)
    const lost = Object.fromEntries(Object.entries(LOST).map(([stage, names]) => [stage, new Deck(names, random)])) as Record<StageName, Deck<ApiName>>
    const stages = new Deck<StageName>(['check', 'first', 'keep', 'first'], random)
    world.beginOutage()
    for (let n = 0; n < strikes && !world.faultsOver.aborted; n++) {
      const slot = random.pick(world.crewOf(stages.next()))
      if (n % 2 === 0) await loseReply(world, slot, lost[slot.stage].next())
      else await disturb(world, 'F9', slot, slot.ways.kafka, troubles.next())
      await world.sleep(random.between(500, 2_500))
    }
    world.endOutage()
  },
  heal: (world) => world.arena.healNetwork(),
}

export const postgresNetwork: Fault = {
  name: 'F10', title: 'network between sink and Postgres', strikes: 10, parameters: 'as F9; reply of COMMIT alone lost',
  async inject(world, strikes) {
    const random = world.randomOf('F10')
    const troubles = new Deck<Trouble>(COMMON, random)
    world.beginOutage()
    for (let n = 0; n < strikes && !world.faultsOver.aborted; n++) {
      const slot = random.pick(world.crewOf('keep'))
      if (n % 2 === 0) await loseCommit(world, slot)
      else await disturb(world, 'F10', slot, slot.ways.postgres, troubles.next())
      await world.sleep(random.between(500, 2_500))
    }
    world.endOutage()
  },
  heal: (world) => world.arena.healNetwork(),
}

async function disturb(world: World, row: Row, slot: Slot, proxy: TcpProxy, trouble: Trouble): Promise<void> {
  const strike = world.strike({ row, stage: slot.stage, detail: `${slot.name} ${trouble.name}` })
  if (trouble.kind === 'reset') return proxy.reset()
  if (trouble.kind === 'cut') proxy.cut()
  else proxy.set(trouble.toxics)
  await world.sleep(trouble.ms)
  proxy.heal()
  strike.healedMs = Date.now()
}

async function loseReply(world: World, slot: Slot, api: ApiName): Promise<void> {
  const aftermath = pickAftermath(world, 'F9')
  await whenLost(world, slot, 'F9', `lost reply of ${api}`, aftermath, slot.ways.replies.next(api, aftermath), slot.ways.kafka)
}

async function loseCommit(world: World, slot: Slot): Promise<void> {
  const aftermath = pickAftermath(world, 'F10')
  await whenLost(world, slot, 'F10', 'lost reply of COMMIT', aftermath, slot.ways.commits.next(aftermath), slot.ways.postgres)
}

function pickAftermath(world: World, row: Row): Aftermath {
  return world.randomOf(row).pick(['cut', 'half-open'] as const)
}

/** It counts only when such a request came. A connection that hears nothing any more is cut after a while. */
async function whenLost(world: World, slot: Slot, row: Row, name: string, aftermath: Aftermath, order: { lost: Promise<void>; cancel: () => void }, proxy: TcpProxy): Promise<void> {
  const wasLost = await Promise.race([order.lost.then(() => true), world.sleep(LOST_WITHIN_MS).then(() => false)])
  order.cancel()
  if (!wasLost) return
  const strike = world.strike({ row, stage: slot.stage, detail: `${slot.name} ${name}, then ${aftermath}` })
  if (aftermath === 'half-open') await world.sleep(world.randomOf(row).between(1_000, 6_000))
  proxy.heal()
  strike.healedMs = Date.now()
}
