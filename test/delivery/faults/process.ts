/** Faults of processes: killed between any two steps, frozen and thawed, added and taken away. */
import { FAILPOINTS, type FailpointName } from '#runtime/failpoints.ts'
import type { Fault, Row } from './fault.ts'
import { Deck, type Random } from './random.ts'
import type { Arming, Slot } from './slot.ts'
import { SESSION_MS, type World } from './world.ts'
import type { StageName } from './workload/topology.ts'

const between = (first: FailpointName, last: FailpointName): FailpointName[] =>
  FAILPOINTS.slice(FAILPOINTS.indexOf(first), FAILPOINTS.indexOf(last) + 1)

export const POINTS: Readonly<Record<StageName, readonly FailpointName[]>> = {
  check: between('after-poll', 'after-offsets'),
  first: between('before-begin', 'after-end-txn'),
  keep: between('before-claim', 'after-sink-offsets'),
}
export const TAKE_OVER_POINTS = between('before-fence', 'after-restore')

/** Points that a process comes by once for each record, and those that it comes by once in its life or assignment. */
const PER_RECORD = new Set<FailpointName>(['in-handler', 'before-send', 'after-send'])
const PER_ASSIGNMENT = new Set<FailpointName>([...TAKE_OVER_POINTS, 'before-claim', 'after-claim'])

/** The pass at which it is to strike: soon, but not always the first. */
function passOf(point: FailpointName, random: Random): number {
  if (PER_ASSIGNMENT.has(point)) return random.whole(1, 2)
  return random.whole(1, PER_RECORD.has(point) ? 80 : 6)
}

/** A process that its failpoint has not met by then is killed by the clock: a dead member's session, and some work. */
const LATEST_KILL_MS = 2 * SESSION_MS

/**
 * Arms every process that starts in one of these slots with the next point of the deck, and kills by the clock who does
 * not come by it, until so many kills were made.
 */
async function killAtPoints(world: World, row: Row, slots: readonly Slot[], pointsOf: (stage: StageName) => readonly FailpointName[], kills: number): Promise<void> {
  const perSlot = Math.ceil(kills / slots.length)
  await Promise.all(slots.map(async (slot) => {
    const random = world.randomOf(`${row} ${slot.name}`)
    const points = new Deck(pointsOf(slot.stage), random)
    slot.arm = () => armingOf(row, points.next(), random)
    // The processes that run are not armed: the clock is their first killer.
    for (let kill = 0; kill < perSlot && !world.faultsOver.aborted; kill++) await awaitOrKill(world, row, slot, kill === 0 ? random.between(0, 2_000) : LATEST_KILL_MS)
    slot.arm = () => undefined
  }))
}

async function awaitOrKill(world: World, row: Row, slot: Slot, patienceMs: number): Promise<void> {
  const victim = slot.process!
  const died = await Promise.race([victim.ended.then(() => true), world.sleep(patienceMs).then(() => false)])
  if (died || world.faultsOver.aborted) return
  world.strike({ row, stage: slot.stage, detail: `${slot.name} killed by the clock` })
  victim.signal('SIGKILL')
  await victim.ended
}

function armingOf(row: Row, point: FailpointName, random: Random): Arming {
  return { row, failpoints: `${point}:${passOf(point, random)}:kill` }
}

export const killAtFailpoints: Fault = {
  name: 'F1', title: 'kill -9 a stage', strikes: 40, parameters: 'at every failpoint of every stage, and at any moment',
  inject: (world, strikes) => killAtPoints(world, 'F1', world.crew, (stage) => POINTS[stage], strikes),
}

export const killInTakeOver: Fault = {
  name: 'F3', title: 'kill -9 during take-over', strikes: 24, parameters: TAKE_OVER_POINTS.join(', '),
  inject: (world, strikes) => killAtPoints(world, 'F3', world.crewOf('first'), () => TAKE_OVER_POINTS, strikes),
}

// F2

/** Points at which a transaction with outputs is open. */
const OPEN_POINTS: readonly FailpointName[] = ['after-produce', 'after-offsets-sent', 'before-end-txn']
/** Before a transaction that hangs is given up by its own deadline. */
const BOTH_OPEN_MS = 9_000

/** Both owners hang with a transaction open on the shared output, die, and come back in one order and in the other. */
export const killWithOpenTransactions: Fault = {
  name: 'F2', title: 'kill -9 with two transactions open on one partition', strikes: 6, parameters: `${OPEN_POINTS.join(', ')}; both orders of restart`,
  async inject(world, strikes) {
    for (let n = 0; n < strikes && !world.faultsOver.aborted; n++) await openAndKill(world, n % 2 === 0)
  },
}

async function openAndKill(world: World, inOrder: boolean): Promise<void> {
  const slots = world.crewOf('first')
  await restartArmed(slots, undefined, () => `${world.randomOf('F2').pick(OPEN_POINTS)}:${world.randomOf('F2').whole(1, 4)}:hang`)
  const deadline = AbortSignal.any([world.faultsOver, AbortSignal.timeout(BOTH_OPEN_MS + SESSION_MS)])
  const [first] = await Promise.all(slots.map((slot) => slot.nextStrike(deadline)))
  for (const slot of slots) slot.arm = () => undefined
  await Promise.all(slots.map((slot) => slot.empty()))
  const order = inOrder ? slots : slots.toReversed()
  if (first) world.strike({ row: 'F2', stage: 'first', detail: `both killed, ${order.map(({ name }) => name).join(' back before ')}` })
  order[0]!.start()
  await world.sleep(world.randomOf('F2').between(0, 3_000))
  order[1]!.start()
}

/** Replaces the processes by ones that are armed; without a row, what strikes then is only the way to a strike. */
async function restartArmed(slots: readonly Slot[], row: Row | undefined, failpoints: () => string): Promise<void> {
  for (const slot of slots) slot.arm = () => ({ failpoints: failpoints(), ...(row ? { row } : {}) })
  await Promise.all(slots.map((slot) => slot.kill()))
}

// F4

const ZOMBIE_POINTS: Readonly<Record<StageName, readonly FailpointName[]>> = {
  check: ['in-handler', 'after-send', 'before-offsets'],
  first: ['after-begin', 'after-produce', 'after-offsets-sent', 'before-end-txn', 'end-txn-sent'],
  keep: ['before-sql', 'after-progress', 'after-rows', 'before-sql-commit', 'sql-commit-sent', 'after-sql-commit'],
}

/** Frozen for longer than a session, while a successor works, and then let go on as if nothing had happened. */
export const zombies: Fault = {
  name: 'F4', title: 'zombie: SIGSTOP for longer than a session, then SIGCONT', strikes: 9, parameters: 'at failpoints, SQL transaction open included, and at any moment',
  async inject(world, strikes) {
    const rounds = Math.ceil(strikes / 3)
    await Promise.all((['check', 'first', 'keep'] as const).map(async (stage) => {
      const deck = new Deck(ZOMBIE_POINTS[stage], world.randomOf(`F4 ${stage}`))
      for (let n = 0; n < rounds && !world.faultsOver.aborted; n++) await makeZombie(world, stage, n % 3 === 2 ? undefined : deck.next())
    }))
  },
  async heal(world) {
    for (const slot of world.slots) slot.signal('SIGCONT')
  },
}

async function makeZombie(world: World, stage: StageName, point: FailpointName | undefined): Promise<void> {
  const slot = world.randomOf(`F4 ${stage}`).pick(world.crewOf(stage))
  if (point) {
    await restartArmed([slot], 'F4', () => `${point}:${passOf(point, world.randomOf(`F4 ${stage}`))}:stop`)
    await slot.nextStrike(AbortSignal.any([world.faultsOver, AbortSignal.timeout(2 * SESSION_MS)]))
    slot.arm = () => undefined
  }
  if (slot.process?.isFrozen !== true) {
    world.strike({ row: 'F4', stage, detail: `${slot.name} stopped` })
    slot.signal('SIGSTOP')
  }
  await world.sleep(SESSION_MS + world.randomOf(`F4 ${stage}`).between(1_500, 5_000))
  slot.signal('SIGCONT')
  world.say(`F4 ${slot.name} goes on`)
}

// F5

/** A member comes or goes all the time, in order or by force. */
export const rebalanceStorm: Fault = {
  name: 'F5', title: 'rebalance storm', strikes: 15, parameters: 'a member added or taken away every 2 to 3 s',
  async inject(world, strikes) {
    for (let n = 0; n < strikes && !world.faultsOver.aborted; n++) {
      const spare = world.spare(world.randomOf('F5').pick(['check', 'first', 'keep'] as const))
      await change(world, spare)
      await world.sleep(world.randomOf('F5').between(2_000, 3_000))
    }
  },
  async heal(world) {
    await Promise.all((['check', 'first', 'keep'] as const).map((stage) => world.spare(stage).retire()))
  },
}

async function change(world: World, spare: Slot): Promise<void> {
  const { stage } = spare
  if (!spare.process?.isAlive) {
    world.strike({ row: 'F5', stage, detail: `${spare.name} comes` })
    spare.start()
  } else if (world.randomOf('F5').next() < 0.5) {
    world.strike({ row: 'F5', stage, detail: `${spare.name} leaves` })
    await spare.retire()
  } else {
    world.strike({ row: 'F5', stage, detail: `${spare.name} is killed` })
    await spare.empty()
  }
}
