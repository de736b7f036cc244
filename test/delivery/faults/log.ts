/** Faults of the logs themselves: compacted under a restore, trimmed before they were read. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { committedPositions } from '#runtime/kafka/offsets.ts'
import type { Broken, Fault } from './fault.ts'
import { Deck } from './random.ts'
import { range, type World } from './world.ts'

// F15

const KILL_EVERY_MS = 2_500

export const compactionWhileRestoring: Fault = {
  name: 'F15', title: 'compaction while restoring', strikes: 12, parameters: 'changelog with segments of 1 s, cleaned at once; its owners killed all the time, also within the restore',
  needs: { changelog: { 'segment.ms': '1000', 'segment.bytes': '1048576', 'min.cleanable.dirty.ratio': '0.01', 'min.compaction.lag.ms': '0', 'max.compaction.lag.ms': '1000' } },
  async inject(world, strikes) {
    const points = new Deck(['mid-restore:1:kill', 'after-restore:1:kill', 'after-barrier:2:kill', ''], world.randomOf('F15'))
    for (let n = 0; n < strikes && !world.faultsOver.aborted; n++) {
      const slot = world.randomOf('F15').pick(world.crewOf('first'))
      const failpoints = points.next()
      slot.arm = () => ({ failpoints })
      world.strike({ row: 'F15', stage: 'first', detail: `${slot.name} killed, changelog cleaned up to ${cleanedUpTo(world)}` })
      await slot.kill()
      await world.sleep(world.randomOf('F15').between(0.5, 1.5) * KILL_EVERY_MS)
      slot.arm = () => undefined
    }
  },
  async heal(world) {
    if (cleanedUpTo(world) === 0) world.say('F15: the broker has compacted nothing')
  },
}

/** Offsets of the changelog that the log cleaner has passed, from its checkpoint: lines of topic, partition, offset. */
function cleanedUpTo({ arena, load }: World): number {
  const text = readFileSync(join(arena.dir, 'kafka', 'data', 'cleaner-offset-checkpoint'), 'utf8')
  const own = text.split('\n').map((line) => line.split(' ')).filter(([topic]) => topic === load.topics.remembered.name)
  return own.reduce((sum, [, , offset]) => sum + Number(offset), 0)
}

// F16

const UNREAD = 60
const HALT_WITHIN_MS = 25_000

/** Records go before they were read: the stage must stop and say so, and must not jump over them. */
export const offsetOutOfRange: Fault = {
  name: 'F16', title: 'offset out of range', strikes: 1, parameters: 'unread records deleted; the stage must stop with kafka.records-lost',
  async afterwards(world) {
    const { admin } = world.arena.connection
    const topic = world.load.topics.made.name
    await world.flow.write(UNREAD)
    const ends = await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: ends.map(({ partition, high }) => ({ partition, offset: high })) })
    world.expectedHalts.add('kafka.records-lost')
    world.strike({ row: 'F16', stage: 'check', detail: 'unread records deleted' })
    return expectRefusal(world, 'check', 'kafka.records-lost')
  },
}

/** The stage must halt with this code, and its group's offsets must stay where they were. */
export async function expectRefusal(world: World, stage: 'check' | 'first', code: string): Promise<Broken[]> {
  const before = await positionsOf(world, stage)
  const process = world.crewOf(stage)[0]!.startOnce()
  const timer = setTimeout(() => process.signal('SIGKILL'), HALT_WITHIN_MS)
  const { halted } = await process.ended
  clearTimeout(timer)
  const after = await positionsOf(world, stage)
  const broken: Broken[] = []
  if (halted?.code !== code) broken.push({ invariant: 'not-refused', detail: `${stage} should have halted with ${code}, and ${halted ? `halted with ${halted.code}: ${halted.reason}` : 'ran on'}` })
  if (after !== before) broken.push({ invariant: 'records-skipped', detail: `${stage} stood at ${before} and is at ${after}` })
  return broken
}

async function positionsOf(world: World, stage: 'check' | 'first'): Promise<string> {
  const topic = stage === 'check' ? world.load.topics.made : world.load.topics.checked
  const positions = await committedPositions(world.arena.connection.admin, world.groupOf(stage), range(topic.partitions).map((partition) => ({ topic: topic.name, partition })))
  return positions.sort((a, b) => a.partition - b.partition).map(({ partition, offset }) => `${partition}:${offset}`).join(' ')
}
