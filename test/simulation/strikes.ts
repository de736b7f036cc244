/** What happens to a process at a failpoint: it dies, freezes, fails, or never goes on from there. */
import type { FailpointName } from '#runtime/failpoints.ts'
import type { Host } from './host.ts'
import type { Random } from './random.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { World } from './world.ts'

export interface Struck { world: World; host: Host; process: SimulatedProcess; random: Random }

type Action = 'kill' | 'stop' | 'throw' | 'hang'

/** Nobody waits for what this point returns: an error there ends a process. */
const NOT_AWAITED: FailpointName = 'after-poll'

export function strike(name: FailpointName, struck: Struck): Promise<void> | undefined {
  const { world, process, random } = struck
  const drawn = random.pick<Action>(['kill', 'kill', 'kill', 'stop', 'stop', 'throw', 'hang'])
  const action = name === NOT_AWAITED && drawn === 'throw' ? 'kill' : drawn
  world.coverage.count(`failpoint.${name}`)
  world.coverage.count(`action.${action}`)
  world.trace.note(`${process.name}: failpoint ${name}: ${action}`)
  switch (action) {
    case 'kill': return kill(struck)
    case 'stop': return stop(struck)
    case 'throw': {
      process.wasThrownAt = true
      return Promise.reject(new Error(`failpoint ${name}`))
    }
    case 'hang': return hang(struck)
  }
}

function kill({ host, random }: Struck): Promise<void> {
  host.crash(restartMs(random))
  return new Promise(() => {})
}

function stop({ world, process, random }: Struck): Promise<void> {
  freeze(world, process, random)
  return process.awake()
}

/** Whoever watches the process ends it in the end. */
function hang({ world, host, process, random }: Struck): Promise<void> {
  process.isHung = true
  world.clock.after(random.between(5_000, 60_000), () => {
    if (host.process === process) host.crash(restartMs(random))
  })
  return new Promise(() => {})
}

export function freeze(world: World, process: SimulatedProcess, random: Random): void {
  const ms = random.chance(0.4) ? random.between(100, 3_000) : random.between(4_000, 40_000)
  if (ms > 12_000) world.coverage.count('process.frozen-over-session')
  process.freeze()
  world.clock.after(ms, () => process.thaw())
}

export function restartMs(random: Random): number {
  return random.chance(0.5) ? random.between(1, 500) : random.between(500, 8_000)
}
