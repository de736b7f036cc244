/**
 * Rolling restarts and upgrades on real processes, two for each stage, under a steady flow: each process in turn is asked
 * to stop and replaced. Nobody dies, so nothing has to wait for a session to run out (30 s here): the partitions of the one
 * that leaves are another's after the next heartbeat and one rebalance.
 */
import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { openCodec, subjectOf } from '#runtime/avro/codec.ts'
import { systemClock } from '#runtime/clock.ts'
import type { SourceRecord } from '#runtime/loop/ports.ts'
import { Arrivals } from '#test/support/arrivals.ts'
import { eventually } from '#test/support/eventually.ts'
import { readTopic } from '#test/support/read-topic.ts'
import { Arena } from './faults/arena.ts'
import type { RoundNeeds } from './faults/fault.ts'
import { judge, prepare } from './faults/judging.ts'
import type { Slot } from './faults/slot.ts'
import { World } from './faults/world.ts'
import { STAGES } from './faults/workload/topology.ts'
import { topicsOf } from './faults/workload/topics.ts'

const EVENTS_PER_SECOND = 100
const FIRST_EVENTS = 60
/** The flow goes on for so long between two replacements and around them. */
const CALM_MS = 1_500
const FINISH_MS = 60_000

const SESSION_MS = 30_000
/** A third of what `sluice run` gives its stages; some 0.3 s are usual. */
const DRAIN_MS = 10_000
/** A heartbeat (2 s) and a long poll (0.25 s) until the others know, 1.5 s to join and to take over. */
const PAUSE_MS = 3_750
/** A machine on which records wait without any restart is slow in all of these steps. */
const SLOWNESS = 4
const LONGEST_PAUSE_MS = SESSION_MS / 2

let arena: Arena
before(async () => { arena = await Arena.open() }, { timeout: 120_000 })
after(() => arena?.close(), { timeout: 60_000 })

async function inWorld(seed: string, needs: RoundNeeds, work: (world: World, arrivals: Arrivals) => Promise<void>): Promise<void> {
  const world = await World.open(arena, { seed, sessionMs: SESSION_MS, ...needs })
  let arrivals: Arrivals | undefined
  try {
    await prepare(world)
    world.startCrew()
    await world.flow.write(FIRST_EVENTS)
    await finished(world)
    arrivals = await follow(world)
    world.flow.start(EVENTS_PER_SECOND)
    await work(world, arrivals)
  } finally {
    await arrivals?.stop()
    await world.close()
  }
}

async function finished(world: World): Promise<void> {
  await eventually(async () => assert.equal(await world.unfinished(), ''), FINISH_MS)
}

/** By the event's id: outputs have it as their first field, a text of 36 characters, in every version. */
function follow({ load: { topics: { made, checked, judged, kept } } }: World): Promise<Arrivals> {
  const idOf = ({ value }: SourceRecord) => value!.toString('latin1', 6, 42)
  return Arrivals.follow(arena.connection, {
    [made.name]: ({ headers }) => headers.get('event-id')?.toString(), [checked.name]: idOf, [judged.name]: idOf, [kept.name]: idOf,
  })
}

function newest(world: World) {
  return topicsOf(world.load.topics.made.name.replace(/-event\.made$/, ''), 2)
}

interface Rolled {
  /** Before any process was replaced, and from then on. */
  calm: Pauses
  rolling: Pauses
  /** How long each process took to end. */
  drains: Map<string, number>
}

/** Every process in turn is replaced. Its member has left the group by the time it has ended. */
async function replaceEach(world: World, arrivals: Arrivals, prepareSlot: (slot: Slot) => void = () => {}): Promise<Rolled> {
  const calmMs = performance.now()
  await systemClock.sleep(2 * CALM_MS)
  const calm = pauses(world, arrivals, calmMs)
  const rollingMs = performance.now()
  const drains = new Map<string, number>()
  for (const slot of world.crew) {
    await systemClock.sleep(CALM_MS)
    drains.set(slot.name, await retire(world, slot))
    prepareSlot(slot)
    await slot.start().started
    await eventually(() => isComplete(world, slot), SESSION_MS)
  }
  await systemClock.sleep(CALM_MS)
  await world.flow.stop()
  await finished(world)
  return { calm, drains, rolling: pauses(world, arrivals, rollingMs) }
}

/** Milliseconds that the process took to end. */
async function retire(world: World, slot: Slot): Promise<number> {
  const startedMs = performance.now()
  const ended = await slot.retire()
  const tookMs = performance.now() - startedMs
  assert.deepEqual({ code: ended?.code, signal: ended?.signal }, { code: 0, signal: null }, `${slot.name}\n${slot.process?.tail.join('\n')}`)
  assert.ok((await groupOf(world, slot)).members.length <= 1, `${slot.name} ended without leaving its group`)
  return tookMs
}

/** Both of the stage's processes are in its group, and no rebalance is under way. */
async function isComplete(world: World, slot: Slot): Promise<void> {
  const { state, members } = await groupOf(world, slot)
  assert.deepEqual([state, members.length], ['Stable', 2])
}

async function groupOf(world: World, { stage }: Slot): Promise<{ state: string; members: unknown[] }> {
  return (await arena.connection.admin.describeGroups([world.groupOf(stage)])).groups[0]!
}

/** By stage, the longest pause of its output and the longest time that a record waited for it. */
type Pauses = Record<string, { gapMs: number; waitMs: number }>

function pauses(world: World, arrivals: Arrivals, fromMs: number): Pauses {
  const { made, checked, judged, kept } = world.load.topics
  // A record on which the handler throws is tried for two seconds, and its key waits for it.
  const slow = new Set(world.flow.produced.filter(({ poison }) => poison === 'throws').map(({ key }) => key))
  const steady = new Set(world.flow.produced.filter(({ key }) => !slow.has(key)).map(({ id }) => id))
  const ways = { check: [made, checked], first: [checked, judged], keep: [judged, kept] } as const
  return Object.fromEntries(STAGES.map((stage) => {
    const [from, to] = ways[stage]
    return [stage, { gapMs: arrivals.longestGapMs(to.name, fromMs), waitMs: arrivals.longestWaitMs(from.name, to.name, fromMs, (id) => steady.has(id)) }]
  }))
}

async function judgeRolled(t: TestContext, world: World, { calm, rolling, drains }: Rolled): Promise<void> {
  for (const [stage, { gapMs, waitMs }] of Object.entries(rolling)) {
    const before = calm[stage]!
    t.diagnostic(`${stage}: longest pause of its output ${gapMs.toFixed(0)} ms (${before.gapMs.toFixed(0)} before), longest wait of a record ${waitMs.toFixed(0)} ms (${before.waitMs.toFixed(0)} before)`)
  }
  t.diagnostic(`ending took ${[...drains].map(([name, ms]) => `${name} ${ms.toFixed(0)}`).join(', ')} ms; ${world.flow.produced.length} events`)
  const { broken } = await judge(world)
  world.broken.push(...(await world.stopCrew()), ...broken)
  assert.equal(world.broken.map(({ invariant, detail }) => `${invariant}: ${detail}`).join('\n'), '')
  for (const [name, ms] of drains) assert.ok(ms < DRAIN_MS, `${name} took ${ms.toFixed(0)} ms to end`)
  const slowMs = SLOWNESS * Math.max(...Object.values(calm).map(({ waitMs }) => waitMs))
  const boundMs = Math.min(LONGEST_PAUSE_MS, PAUSE_MS + slowMs)
  for (const [stage, { gapMs, waitMs }] of Object.entries(rolling)) {
    assert.ok(gapMs > 0 && gapMs < boundMs, `${stage} paused for ${gapMs.toFixed(0)} ms, longer than ${boundMs.toFixed(0)}`)
    assert.ok(waitMs > 0 && waitMs < boundMs, `a record waited ${waitMs.toFixed(0)} ms for ${stage}, longer than ${boundMs.toFixed(0)}`)
  }
}

test('each process of each kind of stage is replaced in turn: nothing is lost or doubled, and no stage pauses for longer than a rebalance', { timeout: 240_000 }, async (t) => {
  await inWorld('rolling', {}, async (world, arrivals) => {
    await judgeRolled(t, world, await replaceEach(world, arrivals))
  })
})

test('version N + 1 of a stage beside version N, its output with a new field: nothing is lost, and both read every record', { timeout: 240_000 }, async (t) => {
  await inWorld('upgrade', { versions: 2 }, async (world, arrivals) => {
    const newer = newest(world).checked
    await arena.registry.register(subjectOf(newer), newer.schema)
    await judgeRolled(t, world, await replaceEach(world, arrivals, (slot) => { slot.version = 2 }))
    await t.test('records of both versions lie on the topic, and each version reads all of them', () => readByBoth(world))
  })
})

async function readByBoth(world: World): Promise<void> {
  const [older, newer] = [world.load.topics.checked, newest(world).checked]
  const records = await readTopic(arena.connection, older.name)
  const ids = new Set(records.map(({ value }) => value!.readUInt32BE(1)))
  assert.equal(ids.size, 2, 'schemas on the topic')
  const [old, young] = [await openCodec(arena.registry, [older]), await openCodec(arena.registry, [newer])]
  const remarks = new Set<unknown>()
  for (const { value } of records) {
    const [asOld, asNew] = [await old.decode(older, value), await young.decode(newer, value)]
    assert.equal('remark' in asOld, false)
    const { remark, ...rest } = asNew
    assert.deepEqual({ ...rest }, { ...asOld })
    remarks.add(remark)
  }
  // What version 1 wrote has the field's default for version 2.
  assert.deepEqual([...remarks].sort(), ['', 'second'])
}
