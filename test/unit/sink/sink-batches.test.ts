/** When a sink stores what has gathered, and how much it lets gather. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RetryLater } from '#runtime/errors.ts'
import { P0, P1, settle, SinkWorld } from './sink-world.ts'

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)

test('a row that comes alone is stored after a lull, and the next one when the greatest age has passed since then', async () => {
  const world = new SinkWorld()
  await world.started(P0)
  world.append(P0, 1)
  await world.pass(9)
  assert.deepEqual(world.stored(), [])
  await world.pass(1)
  assert.deepEqual(world.stored(), [1])
  world.append(P0, 2)
  await world.pass(249)
  assert.deepEqual(world.stored(), [1])
  await world.pass(1)
  assert.deepEqual(world.stored(), [1, 2])
})

test('rows that keep coming are stored together when the oldest is old enough, and not before', async () => {
  const world = new SinkWorld({ maxRows: 100 })
  await world.started(P0)
  for (let n = 100; n < 130; n++) {
    world.append(P0, n)
    await world.pass(9)
  }
  // The first came at 0 and went at 250, with those of 9, 18, … 243.
  assert.deepEqual(world.stored(), range(100, 128))
  assert.equal(world.tables.commits, 1)
})

test('with fewer rows than a commit is worth, a batch waits for its age', async () => {
  const world = new SinkWorld({ minRows: 3 })
  await world.started(P0)
  world.append(P0, 1, 2)
  await world.pass(249)
  assert.deepEqual(world.stored(), [])
  await world.pass(1)
  assert.deepEqual(world.stored(), [1, 2])
  await world.pass(250)
  world.append(P0, 3, 4, 5)
  await world.pass(10)
  assert.deepEqual(world.stored(), [1, 2, 3, 4, 5])
})

test('thousands of records a second set a timer now and then, not each time', async () => {
  const world = new SinkWorld({ maxRows: 10_000 })
  await world.started(P0)
  const before = world.timers
  for (let n = 100; n < 1_100; n++) {
    world.append(P0, n)
    await world.pass(0.2)
  }
  // 200 ms: the lull may be looked for every 10 ms.
  assert.ok(world.timers - before <= 21, `${world.timers - before} timers`)
  assert.ok(world.timers > before)
})

test('a batch goes at once when it has enough rows, over all partitions', async () => {
  const world = new SinkWorld()
  await world.started(P0, P1)
  world.append(P0, 1, 2, 3)
  world.append(P1, 4)
  await settle()
  assert.deepEqual(world.stored().sort(), [1, 2, 3, 4])
  assert.equal(world.tables.commits, 1)
})

test('an idle sink commits nothing', async () => {
  const world = new SinkWorld()
  await world.started(P0, P1)
  await world.pass(3_600_000)
  assert.equal(world.tables.commits, 0)
})

test('when the store is away, partitions pause at two batches and go on once it is back', async () => {
  const world = new SinkWorld()
  const { store, source, loop } = await world.started(P0)
  store.fault = () => 'before-commit'
  for (const n of range(100, 112)) {
    world.append(P0, n)
    await settle()
  }
  assert.ok(!source.isPaused(P0))
  for (const n of range(112, 140)) {
    world.append(P0, n)
    await settle()
  }
  assert.ok(source.isPaused(P0))
  // Four are in the commit that fails, nine wait: the ninth is the one that paused the partition.
  assert.equal(loop.stats.waiting, 9)
  store.fault = undefined
  await world.pass(60_000)
  assert.deepEqual(world.stored(), range(100, 140))
  assert.ok(!source.isPaused(P0))
})

test('while one batch is stored the next gathers, and only one is stored at a time', async () => {
  const world = new SinkWorld()
  const { store } = await world.started(P0)
  let underWay = 0
  const together: number[] = []
  store.fault = async () => {
    together.push((underWay += 1))
    await world.clock.sleep(1_000)
    underWay -= 1
    return undefined
  }
  world.append(P0, ...range(0, 8))
  await world.pass(5_000)
  assert.deepEqual(together, [1, 1])
  assert.deepEqual(world.stored(), range(0, 8))
})

test('with a store that hangs no more is held than three batches and one delivery, and all of it is stored in the end', async () => {
  // A record is held with 3 bytes of key, 9 of value, 100 of row and 300 of everything else.
  const heldEach = 412
  const world = new SinkWorld({ maxRows: 1_000, maxBytes: 10 * heldEach })
  const { loop, store, outbox } = await world.started(P0)
  const hung = Promise.withResolvers<void>()
  outbox.fault = () => { throw new RetryLater('kafka.unreachable', 'away') }
  let peak = 0
  const append = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) {
      world.append(P0, n)
      await settle()
      peak = Math.max(peak, loop.heldBytes)
    }
  }
  // One batch hangs while it is announced, the next while it is stored.
  await append(100, 110)
  await world.pass(20)
  store.fault = () => hung.promise.then(() => undefined)
  await append(110, 200)
  // The 31st record is the one that pauses the partition.
  assert.equal(peak, 31 * heldEach)
  hung.resolve()
  outbox.fault = undefined
  await world.pass(60_000)
  assert.deepEqual(world.stored(), range(100, 200))
  assert.equal(loop.heldBytes, 0)
})
