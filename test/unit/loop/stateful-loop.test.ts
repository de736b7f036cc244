import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCodec } from '#runtime/avro/codec.ts'
import { createLog } from '#runtime/log.ts'
import { StatefulLoop } from '#runtime/loop/stateful-loop.ts'
import { emptyStats } from '#runtime/loop/stage-stats.ts'
import { takeOver } from '#runtime/loop/take-over.ts'
import { commitTransaction } from '#runtime/loop/transaction.ts'
import { MemoryLog, MemoryTaskBroker, MemorySource, type TransactionFault } from '#runtime/memory/memory-log.ts'
import { registryOf } from '#runtime/memory/memory-registry.ts'
import { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { passTraceOn } from '#runtime/telemetry/tracing.ts'
import { countKept, counting, noteCounted, noteTaken } from '#test/support/sample-stage.ts'

const P0 = { topic: noteTaken.name, partition: 0 }

async function bench(log = new MemoryLog()) {
  const topics = [noteTaken, noteCounted, countKept]
  const codec = await openCodec(await registryOf(topics), topics)
  const clock = new VirtualClock()
  const source = new MemorySource(log, 'count')
  const broker = new MemoryTaskBroker(log, 'count', countKept.name)
  const loop = new StatefulLoop({
    processor: counting, source, broker, codec, services: {}, clock, log: createLog('test', 'silent'), tracing: passTraceOn, stats: emptyStats(),
  })
  await loop.start()
  const take = (id: string) => log.append({ ...P0, key: Buffer.from(id), value: codec.encode(noteTaken, { id, text: '' }), headers: {}, timestampMs: 1 })
  const counted = async () => Promise.all(log.readAll(noteCounted.name).map(async ({ value }) => {
    const { id, text } = await codec.decode(noteCounted, value)
    return `${id}${text}`
  }))
  return { log, clock, source, broker, loop, take, counted }
}

test('decisions, changelog and position are committed together', async () => {
  const { take, source, clock, log, counted } = await bench()
  for (const id of ['a', 'b', 'a']) take(id)
  await source.assign([P0])
  await clock.advance(100)
  assert.deepEqual(await counted(), ['a1', 'b2', 'a1'])
  assert.deepEqual(log.readAll(countKept.name).map(({ key }) => key!.toString()), ['__barrier', 'a', 'b'])
  assert.equal(log.committed('count', P0), 3)
})

for (const fault of ['before-commit', 'after-commit'] as const) {
  test(`a transaction that fails ${fault} is neither lost nor done twice`, async () => {
    const { take, source, clock, broker, log, counted } = await bench()
    let next: TransactionFault = fault
    broker.fault = () => {
      const now = next
      next = undefined
      return now
    }
    for (const id of ['a', 'b']) take(id)
    await source.assign([P0])
    await clock.advance(1_000)
    for (const id of ['c', 'a']) take(id)
    await clock.advance(1_000)
    assert.deepEqual(await counted(), ['a1', 'b2', 'c3', 'a1'])
    assert.equal(log.committed('count', P0), 4)
  })
}

test('a new owner knows what the old one decided', async () => {
  const first = await bench()
  for (const id of ['a', 'b']) first.take(id)
  await first.source.assign([P0])
  await first.clock.advance(100)
  const second = await bench(first.log)
  second.take('c')
  second.take('b')
  await second.source.assign([P0])
  await second.clock.advance(100)
  assert.deepEqual(await second.counted(), ['a1', 'b2', 'c3', 'b2'])
})

test('a partition that stays over a rebalance keeps its state, and reads only what was written since', async () => {
  const { take, source, clock, broker, counted } = await bench()
  const read: number[] = []
  const readChangelog = broker.readChangelog.bind(broker)
  broker.readChangelog = (partition, from, ...rest) => {
    read.push(from)
    return readChangelog(partition, from, ...rest)
  }
  take('a')
  await source.assign([P0])
  await clock.advance(100)
  await source.assign([P0])
  take('b')
  take('a')
  await clock.advance(100)
  assert.deepEqual(await counted(), ['a1', 'b2', 'a1'])
  assert.deepEqual(read, [0, 2], 'the second time from behind what it wrote itself: a barrier and an entry')
})

test('an assignment that another has overtaken opens nothing', async () => {
  const { take, source, clock, log, counted } = await bench()
  take('a')
  const overtaken = source.assign([P0])
  source.revoke([P0])
  await source.assign([])
  await overtaken
  await clock.advance(1_000)
  assert.deepEqual([await counted(), log.committed('count', P0)], [[], undefined])
})

test('a state that is ahead of the position stops the stage, with the position that would be right', async () => {
  const { take, source, clock, loop, log } = await bench()
  for (const id of ['a', 'b']) take(id)
  await source.assign([P0])
  await clock.advance(100)
  log.commit('count', { ...P0, offset: 1 })
  source.revoke([P0])
  await assert.rejects(source.assign([P0]), { name: 'Halt', code: 'state.ahead-of-position', remedy: /Set them to 2 / })
  await loop.stop()
})

test('an owner that was replaced can commit nothing more', async () => {
  const log = new MemoryLog()
  const broker = new MemoryTaskBroker(log, 'count', countKept.name)
  const clock = new VirtualClock()
  const parts = { id: P0, broker, clock, changelog: countKept.name, base: { changelogNext: 0, position: 0 }, restore: () => {}, signal: new AbortController().signal }
  const stale = await takeOver(parts)
  await takeOver(parts)
  const commit = commitTransaction({ producer: stale.producer, records: [], position: { ...P0, offset: 1 }, holds: () => true, clock })
  await assert.rejects(commit, { name: 'RetryLater', code: 'task.fenced' })
  assert.equal(log.committed('count', P0), undefined)
})

test('a record that cannot be decoded is dead-lettered in the same transaction', async () => {
  const { source, clock, log, take, counted } = await bench()
  log.append({ ...P0, key: Buffer.from('x'), value: Buffer.from('junk'), headers: {}, timestampMs: 1 })
  take('a')
  await source.assign([P0])
  await clock.advance(100)
  assert.deepEqual(await counted(), ['a1'])
  assert.equal(log.read('count.dead')[0]!.headers.get('dead-code')!.toString(), 'record.bad-magic')
  assert.equal(log.committed('count', P0), 2)
})
