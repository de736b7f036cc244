/** What operators do: replays, more partitions, and a newer version beside the old one. */
import { setTimeout as wait } from 'node:timers/promises'
import { subjectOf } from '#runtime/avro/codec.ts'
import type { Broken, Fault } from './fault.ts'
import { judge } from './judging.ts'
import { expectRefusal } from './log.ts'
import { shuffled } from './random.ts'
import { evolved } from './workload/topics.ts'
import { range, type World } from './world.ts'

// F17

const REPLAY_DEADLINE_MS = 90_000
const QUIET_MS = 2_500

/** The first stage reads everything again, with all that came of it in place. */
export const replay: Fault = {
  name: 'F17', title: 'replay', strikes: 1, parameters: "the first stage's group is set to 0 with outputs, state and rows in place",
  async afterwards(world) {
    const { admin } = world.arena.connection
    const topic = world.load.topics.made
    const before = await contentOf(world)
    await admin.setOffsets({ groupId: world.groupOf('check'), topic: topic.name, partitions: range(topic.partitions).map((partition) => ({ partition, offset: '0' })) })
    world.strike({ row: 'F17', stage: 'check', detail: `${world.flow.produced.length} records read again` })
    for (const slot of world.crew) slot.start()
    const broken = await untilQuiet(world)
    broken.push(...(await world.stopCrew()))
    const after = await contentOf(world)
    if (after !== before) broken.push({ invariant: 'replay-changed-rows', detail: `${before} before, ${after} after` })
    return [...broken, ...(await judge(world)).broken]
  },
}

/** Rows by count and by content. */
async function contentOf(world: World): Promise<string> {
  const [row] = await world.query<{ text: string }>(`select count(*) || ' rows, digest ' || coalesce(md5(string_agg(md5(k::text), '' order by id)), '') as text from kept k`)
  return row!.text
}

async function untilQuiet(world: World): Promise<Broken[]> {
  const deadline = performance.now() + REPLAY_DEADLINE_MS
  let quietSince = performance.now()
  let last = ''
  for (;;) {
    const missing = await world.unfinished().catch(() => 'no answer')
    const positions = await world.sinkPositions().catch(() => 'no answer')
    if (missing !== '' || positions !== last) quietSince = performance.now()
    last = positions
    if (performance.now() - quietSince > QUIET_MS) return []
    if (performance.now() > deadline) return [{ invariant: 'not-finished', detail: `the replay: ${missing || positions}` }]
    await wait(300)
  }
}

// F18

export const morePartitions: Fault = {
  name: 'F18', title: 'partitions added under the stateful stage', strikes: 1, parameters: 'its input gets a fourth partition; it must refuse to start',
  async afterwards(world) {
    const topic = world.load.topics.checked
    await world.arena.connection.admin.createPartitions({ topicPartitions: [{ topic: topic.name, count: topic.partitions + 1 }] })
    world.expectedHalts.add('state.partitions-differ')
    world.strike({ row: 'F18', stage: 'first', detail: `${topic.name} has ${topic.partitions + 1} partitions` })
    return expectRefusal(world, 'first', 'state.partitions-differ')
  },
}

// F19

/** Each process in turn is replaced by one of the next version, whose output has a new field; some are then killed. */
export const rollingUpgrade: Fault = {
  name: 'F19', title: 'rolling upgrade', strikes: 6, parameters: 'version N and N + 1 side by side, event.checked with a new field',
  needs: { versions: 2 },
  async inject(world) {
    const newer = evolved(world.load.topics.checked)
    await world.arena.registry.register(subjectOf(newer), newer.schema)
    for (const slot of shuffled(world.crew, world.randomOf('F19'))) {
      if (world.faultsOver.aborted) return
      const strike = world.strike({ row: 'F19', stage: slot.stage, detail: `${slot.name} is replaced by the next version` })
      const ended = await slot.retire()
      // Another fault of the round may have killed it meanwhile.
      if (ended && ended.code !== 0 && ended.signal === null) world.broken.push({ invariant: 'unclean-stop', detail: `${slot.name} ended with ${ended.code}` })
      slot.version = 2
      slot.start()
      strike.healedMs = Date.now()
      await world.sleep(world.randomOf('F19').between(1_000, 2_500))
      if (world.randomOf('F19').next() < 0.5) {
        const killed = world.randomOf('F19').pick(world.crewOf(slot.stage))
        world.strike({ row: 'F19', stage: slot.stage, detail: `${killed.name} of version ${killed.version} killed` })
        await killed.kill()
      }
    }
  },
}
