/** What a stateful stage gives to be kept, and what it makes of it: never a decision that was not committed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCodec } from '#runtime/avro/codec.ts'
import { Halt } from '#runtime/api.ts'
import type { StatefulProcessor } from '#runtime/define/processor.ts'
import { createLog } from '#runtime/log.ts'
import type { StatePoint, StateSnapshots } from '#runtime/loop/ports.ts'
import { emptyStats } from '#runtime/loop/stage-stats.ts'
import { StatefulLoop } from '#runtime/loop/stateful-loop.ts'
import { BARRIER_KEY } from '#runtime/loop/take-over.ts'
import { MemoryLog, MemorySource, MemoryTaskBroker, type TransactionFault } from '#runtime/memory/memory-log.ts'
import { registryOf } from '#runtime/memory/memory-registry.ts'
import { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { passTraceOn } from '#runtime/telemetry/tracing.ts'
import { countKept, counting, noteCounted, noteTaken, type Note } from '#test/support/sample-stage.ts'

const P0 = { topic: noteTaken.name, partition: 0 }

type Counts = ReturnType<typeof counting.state.open>

/** The sample stage, which halts at the note "halt". */
const halting = {
  ...counting,
  decide: (note: Note, state: Counts, context: never) => {
    if (note.id === 'halt') throw new Halt('count.broken', 'told to', 'Do not tell it to.')
    return counting.decide(note, state, context)
  },
} as unknown as StatefulProcessor

/** Keeps a copy of the state after every commit and at the end. */
class KeptCopies implements StateSnapshots {
  readonly copies: { ids: string[]; changelogNext: number; position: number }[] = []
  discarded = 0
  newest: StatePoint | undefined

  load = async () => this.newest
  saveWhenDue = async (_: number, point: StatePoint) => this.#keep(point)
  saveAtEnd = async (_: number, point: StatePoint) => this.#keep(point)
  discard = async () => {
    this.discarded++
    this.newest = undefined
  }

  #keep({ state, changelogNext, position }: StatePoint): void {
    const counts = state as unknown as Counts
    const copy = counting.state.open()
    for (const [id, number] of counts.byId) copy.apply({ id, text: String(number) })
    this.copies.push({ ids: [...counts.byId.keys()], changelogNext, position })
    this.newest = { state: copy as never, changelogNext, position }
  }
}

async function bench({ log = new MemoryLog(), snapshots = new KeptCopies() } = {}) {
  const topics = [noteTaken, noteCounted, countKept]
  const codec = await openCodec(await registryOf(topics), topics)
  const clock = new VirtualClock()
  const source = new MemorySource(log, 'count')
  const broker = new MemoryTaskBroker(log, 'count', countKept.name)
  const read: number[] = []
  const readChangelog = broker.readChangelog.bind(broker)
  broker.readChangelog = (partition, from, ...rest) => {
    read.push(from)
    return readChangelog(partition, from, ...rest)
  }
  const loop = new StatefulLoop({
    processor: halting, source, broker, codec, services: {}, clock, log: createLog('test', 'silent'), tracing: passTraceOn, stats: emptyStats(), snapshots,
  })
  await loop.start()
  const take = (id: string) => log.append({ ...P0, key: Buffer.from(id), value: codec.encode(noteTaken, { id, text: '' }), headers: {}, timestampMs: 1 })
  /** Ids that the changelog holds below an offset. */
  const keptBelow = (offset: number) => log.readAll(countKept.name).filter((record) => record.offset < offset && record.key!.toString() !== BARRIER_KEY).map(({ key }) => key!.toString())
  return { log, clock, source, broker, loop, take, snapshots, read, keptBelow }
}

test('every copy holds what the changelog holds below its offset, neither more nor less, also around transactions that fail', async () => {
  const { take, source, clock, broker, snapshots, keptBelow, loop } = await bench()
  const faults: TransactionFault[] = [undefined, undefined, 'before-commit', undefined, 'after-commit', undefined, undefined]
  broker.fault = () => faults.shift()
  await source.assign([P0])
  for (const ids of [['a', 'b'], ['c', 'a'], ['d'], ['e', 'f']]) {
    ids.forEach(take)
    await clock.advance(5_000)
  }
  await loop.stop()
  assert.ok(snapshots.copies.length >= 4)
  for (const { ids, changelogNext } of snapshots.copies) assert.deepEqual(ids.sort(), keptBelow(changelogNext).sort())
  assert.deepEqual(snapshots.copies.at(-1)?.position, 7)
})

test('a stage that halts in the middle of a batch leaves no copy of what it had decided but not committed', async () => {
  const { take, source, clock, snapshots, loop } = await bench()
  await source.assign([P0])
  take('a')
  await clock.advance(100)
  for (const id of ['b', 'halt']) take(id)
  const ended = assert.rejects(loop.ended, { code: 'count.broken' })
  await clock.advance(100)
  await ended
  assert.deepEqual(snapshots.copies.map(({ ids }) => ids), [['a']])
})

test('a restart reads the changelog from where its copy ends, and goes on as if it had read it all', async () => {
  const first = await bench()
  await first.source.assign([P0])
  for (const id of ['a', 'b']) first.take(id)
  await first.clock.advance(100)
  const second = await bench({ log: first.log, snapshots: first.snapshots })
  for (const id of ['c', 'a']) second.take(id)
  await second.source.assign([P0])
  await second.clock.advance(100)
  assert.deepEqual(second.read, [3], 'behind a barrier and two entries')
  assert.deepEqual(second.snapshots.copies.at(-1)?.ids, ['a', 'b', 'c'])
})

test('a copy that says more than the changelog holds is discarded, and the whole changelog read', async () => {
  const first = await bench()
  await first.source.assign([P0])
  first.take('a')
  await first.clock.advance(100)
  const second = await bench({ log: first.log, snapshots: first.snapshots })
  second.snapshots.newest!.changelogNext = 1_000
  const assigned = second.source.assign([P0])
  await second.clock.advance(10_000)
  await assigned
  assert.equal(second.snapshots.discarded, 1)
  assert.deepEqual(second.read, [0])
})
