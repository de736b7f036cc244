/** All at once: several kinds of faults strike at the same time, and meet each other's aftermath. */
import { brokerAway } from './broker.ts'
import { postgresAway } from './database.ts'
import type { Fault } from './fault.ts'
import { brokerNetwork, postgresNetwork } from './network.ts'
import { killAtFailpoints, killInTakeOver, killWithOpenTransactions, rebalanceStorm, zombies } from './process.ts'
import { shuffled } from './random.ts'
import { registryAway } from './registry.ts'

const INGREDIENTS = [killAtFailpoints, killInTakeOver, killWithOpenTransactions, zombies, rebalanceStorm, brokerAway, postgresAway, brokerNetwork, postgresNetwork, registryAway]
const AT_ONCE = 4

export const allAtOnce: Fault = {
  name: 'F20', title: 'all at once', strikes: 16, parameters: `${AT_ONCE} of ${INGREDIENTS.map(({ name }) => name).join(', ')}, drawn from the seed`,
  needs: { mayGiveUp: ['registry.unreachable'] },
  async inject(world, strikes) {
    world.rowOfAll = 'F20'
    const chosen = shuffled(INGREDIENTS, world.randomOf('F20')).slice(0, AT_ONCE)
    world.say(`F20 is made of ${chosen.map(({ name }) => name).join(', ')}`)
    await Promise.all(chosen.map((fault) => fault.inject!(world, Math.ceil(strikes / AT_ONCE))))
  },
  async heal(world) {
    for (const fault of INGREDIENTS) await fault.heal?.(world)
  },
}
