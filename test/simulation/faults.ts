/** Faults from outside: they strike at random times during the first phase, and end with it. */
import type { Host } from './host.ts'
import { CALM, type Server } from './network.ts'
import type { Random } from './random.ts'
import { freeze, restartMs } from './strikes.ts'
import type { World } from './world.ts'

type Fault = (world: World, random: Random, host: Host) => void

const FAULTS: Record<string, { weight: number; strike: Fault }> = {
  crash: { weight: 6, strike: (_, random, host) => host.crash(restartMs(random)) },
  freeze: { weight: 5, strike: (world, random, { process }) => process && freeze(world, process, random) },
  'graceful-restart': { weight: 2, strike: (_, __, host) => void host.shutDown() },
  cut: { weight: 3, strike: cutOff },
  'broker-restart': { weight: 1, strike: restartBroker },
  'database-restart': { weight: 1, strike: restartDatabase },
  'end-backend': { weight: 2, strike: endBackend },
  'join-storm': { weight: 2, strike: joinStorm },
}

export function planFaults(world: World, random: Random): void {
  const { faultMs, faultEveryMs, weather, torments } = world.parameters
  world.network.weather = weather
  world.network.torments = torments
  const bag = Object.entries(FAULTS).flatMap(([name, { weight }]) => Array<string>(weight).fill(name))
  for (let atMs = 1_000 + random.below(faultEveryMs); atMs < faultMs; atMs += 1 + random.below(2 * faultEveryMs)) {
    const name = random.pick(bag)
    world.clock.after(atMs, () => {
      const host = random.pick(world.hosts)
      world.coverage.count(`fault.${name}`)
      world.trace.note(`fault: ${name} (${host.name})`)
      FAULTS[name]!.strike(world, random, host)
    })
  }
}

/** From here on everything works, and what cannot go on by itself is started again. */
export function calmDown(world: World): void {
  world.trace.note('--- the faults end ---')
  world.strikesLeft = 0
  world.network.weather = CALM
  world.network.torments = new Map()
  world.network.cut.clear()
  world.checker.isCalm = true
  if (world.broker.isDown) world.broker.restarted()
  world.database.isDown = false
  for (const host of world.hosts) {
    host.process?.thaw()
    if (host.process?.isHung) host.crash(100)
  }
}

function cutOff(world: World, random: Random, { process }: Host): void {
  if (!process) return
  const server: Server = random.chance(0.7) ? world.broker : world.database
  world.network.cut.set(process, server)
  world.clock.after(random.between(500, 30_000), () => world.network.cut.delete(process))
}

function restartBroker(world: World, random: Random): void {
  world.broker.isDown = true
  world.clock.after(random.between(300, 12_000), () => world.broker.restarted())
}

function restartDatabase(world: World, random: Random): void {
  world.database.stop()
  world.clock.after(random.between(200, 8_000), () => (world.database.isDown = false))
}

function endBackend(world: World, random: Random): void {
  const sessions = [...world.database.sessions]
  if (sessions.length > 0) random.pick(sessions).end('ended by an operator')
}

/** Members that come and go, and have partitions for a while without working on them. */
function joinStorm(world: World, random: Random): void {
  const group = world.broker.group(random.pick(['check', 'first', 'keep']))
  for (let left = random.between(1, 3); left > 0; left--) {
    world.clock.after(random.below(6_000), () => void group.join(undefined).then(({ memberId }) => {
      if (random.chance(0.7)) world.clock.after(random.between(100, 4_000), () => group.leave(memberId))
    }))
  }
}
