/** Faults of the schema registry: away or slow, at a start, at the first record of a new schema, and in steady state. */
import type { Toxics } from '#test/support/tcp-proxy.ts'
import type { Fault } from './fault.ts'
import type { World } from './world.ts'

type Moment = 'in steady state' | 'at a start' | 'at a new schema'
type State = 'away' | 'silent' | 'slow'

const MOMENTS: readonly Moment[] = ['in steady state', 'at a start', 'at a new schema']
const STATES: Readonly<Record<State, Partial<Toxics>>> = {
  away: { refuse: true },
  silent: { swallow: 'both' },
  slow: { latencyMs: 1_200, jitterMs: 300 },
}

/** Shorter at a new schema than the stage's attempts last: records that nobody can read are given up after those. */
const AWAY_MS: Readonly<Record<Moment, number>> = { 'in steady state': 4_000, 'at a start': 3_000, 'at a new schema': 1_000 }

export const registryAway: Fault = {
  name: 'F11', title: 'registry away or slow', strikes: 6, parameters: 'at a start; at the first record of a new schema; in steady state',
  needs: { mayGiveUp: ['registry.unreachable'] },
  async inject(world, strikes) {
    for (let n = 0; n < strikes && !world.faultsOver.aborted; n++) {
      const moment = MOMENTS[n % MOMENTS.length]!
      await strike(world, moment, world.randomOf('F11').pick(['away', 'silent', 'slow'] as const))
      await world.sleep(1_500)
    }
  },
  heal: (world) => world.arena.healNetwork(),
}

async function strike(world: World, moment: Moment, state: State): Promise<void> {
  const proxy = world.arena.registryProxy
  const struck = world.strike({ row: 'F11', detail: `registry ${state} ${moment}` })
  world.beginOutage()
  if (state === 'away') proxy.cut()
  else proxy.set(STATES[state])
  if (moment === 'at a start') await world.randomOf('F11').pick(world.crew).kill()
  if (moment === 'at a new schema') await world.flow.evolve()
  await world.sleep(AWAY_MS[moment])
  proxy.heal()
  world.endOutage()
  struck.healedMs = Date.now()
}
