/** Faults of the broker, and what a dead producer leaves at it. */
import type { Fault } from './fault.ts'
import { Deck } from './random.ts'
import type { World } from './world.ts'
import { range, SESSION_MS } from './world.ts'

type Outage = 'kill -9' | 'stopped' | 'clean restart'

export const brokerAway: Fault = {
  name: 'F6', title: 'broker away', strikes: 4, parameters: 'kill -9; SIGSTOP 5 to 20 s; clean restart',
  async inject(world, strikes) {
    const outages = new Deck<Outage>(['kill -9', 'stopped', 'clean restart'], world.randomOf('F6'))
    for (let n = 0; n < strikes && !world.faultsOver.aborted; n++) {
      await strikeBroker(world, outages.next())
      await world.sleep(world.randomOf('F6').between(4_000, 6_000))
    }
  },
}

async function strikeBroker(world: World, outage: Outage): Promise<void> {
  const { stack } = world.arena
  const strike = world.strike({ row: 'F6', detail: `broker: ${outage}` })
  world.beginOutage()
  if (outage === 'stopped') {
    await stack.kill('kafka', 'SIGSTOP')
    await world.sleep(world.randomOf('F6').between(5_000, 20_000))
    await stack.kill('kafka', 'SIGCONT')
  } else {
    if (outage === 'kill -9') await stack.kill('kafka', 'SIGKILL')
    await stack.restart('kafka')
  }
  world.endOutage()
  strike.healedMs = Date.now()
}

// F7

/** As the stages ask for it (runtime/kafka/task-broker.ts), and how often the broker looks (stack/parts/kafka.ts). */
const TRANSACTION_TIMEOUT_MS = 20_000
const BROKER_LOOKS_EVERY_MS = 1_000
const OPEN_WITHIN_MS = 10_000

/**
 * The owners die with transactions open, and nobody comes for longer than the transaction timeout: the broker must end
 * them by itself, so that readers of committed records are not held back for ever.
 */
export const hangingTransaction: Fault = {
  name: 'F7', title: 'hanging transaction', strikes: 1, parameters: 'its producer is not restarted before transaction.timeout (20 s)',
  async inject(world) {
    const slots = world.crewOf('first')
    for (const slot of slots) slot.arm = () => ({ failpoints: `after-produce:${world.randomOf('F7').whole(1, 3)}:hang` })
    await Promise.all(slots.map((slot) => slot.kill()))
    const deadline = AbortSignal.any([world.faultsOver, AbortSignal.timeout(OPEN_WITHIN_MS + SESSION_MS)])
    const opened = await Promise.race(slots.map((slot) => slot.nextStrike(deadline)))
    for (const slot of slots) slot.arm = () => undefined
    await Promise.all(slots.map((slot) => slot.empty()))
    if (!opened) return
    const strike = world.strike({ row: 'F7', stage: 'first', detail: 'both owners killed with a transaction open, none comes back' })
    const held = await committedEnds(world)
    await world.sleep(TRANSACTION_TIMEOUT_MS + 3 * BROKER_LOOKS_EVERY_MS)
    const freed = await committedEnds(world)
    if (!world.faultsOver.aborted && freed.every((end, partition) => end <= held[partition]!)) {
      world.broken.push({ invariant: 'readers-held-back', detail: `committed records of event.judged still end at ${held.join(', ')} after the transaction timeout` })
    }
    strike.healedMs = Date.now()
  },
}

/** Where readers of committed records are held: kafkajs asks ListOffsets with read_committed. */
async function committedEnds({ arena, load }: World): Promise<number[]> {
  const offsets = await arena.connection.admin.fetchTopicOffsets(load.topics.judged.name)
  return range(load.topics.judged.partitions).map((partition) => Number(offsets.find((each) => each.partition === partition)!.high))
}
