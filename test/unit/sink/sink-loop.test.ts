import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RetryLater } from '#runtime/errors.ts'
import { DEAD, P0, P1, refusal, settle, SinkWorld } from './sink-world.ts'

test('a stored row is announced, and then the offset is committed', async () => {
  const world = new SinkWorld()
  const { outbox } = await world.started(P0)
  const committedWhenAnnounced: (number | undefined)[] = []
  outbox.fault = () => void committedWhenAnnounced.push(world.committed(P0))
  world.append(P0, 1, 2)
  await world.pass()
  assert.deepEqual(world.announced(), [1, 2])
  assert.deepEqual(committedWhenAnnounced, [undefined])
  assert.equal(world.committed(P0), 2)
})

test('a row knows where its record came from and the trace it belongs to', async () => {
  const world = new SinkWorld()
  await world.started(P1)
  world.append(P1, 5)
  await world.pass()
  assert.deepEqual(world.tables.rows, [{ n: 5, offset: 0, partition: 1, traceId: '0af7651916cd43dd8448eb211c80319c' }])
})

test('a crash after the commit leads to no second row, and to the announcement that was missing', async () => {
  const world = new SinkWorld()
  const first = await world.started(P0)
  first.outbox.fault = () => { throw new RetryLater('kafka.unreachable', 'away') }
  world.append(P0, 1, 2, 3)
  await world.pass()
  assert.deepEqual([world.stored(), world.announced(), world.committed(P0)], [[1, 2, 3], [], undefined])
  first.source.revoke([P0])
  await world.started(P0)
  await world.pass()
  assert.deepEqual(world.stored(), [1, 2, 3])
  assert.deepEqual(world.announced(), [1, 2, 3])
  assert.equal(world.tables.commits, 1)
  assert.equal(world.committed(P0), 3)
})

test('an announcement whose acknowledgement was lost is made again', async () => {
  const world = new SinkWorld()
  const { outbox } = await world.started(P0)
  outbox.fault = () => {
    outbox.fault = undefined
    return 'lost-reply'
  }
  world.append(P0, 1)
  await world.pass(1_000)
  assert.deepEqual(world.announced(), [1, 1])
  assert.deepEqual(world.stored(), [1])
  assert.equal(world.committed(P0), 1)
})

test('a commit whose reply was lost is found to have happened, and its rows are stored once', async () => {
  const world = new SinkWorld()
  const { store } = await world.started(P0)
  let faults = 1
  store.fault = () => (faults-- > 0 ? 'after-commit' : undefined)
  world.append(P0, 1, 2)
  await world.pass(5_000)
  assert.deepEqual(world.stored(), [1, 2])
  assert.deepEqual(world.announced(), [1, 2])
  assert.equal(world.committed(P0), 2)
})

test('a commit that failed is done again after claiming again', async () => {
  const world = new SinkWorld()
  const { store, loop } = await world.started(P0)
  let faults = 3
  store.fault = () => (faults-- > 0 ? 'before-commit' : undefined)
  world.append(P0, 1, 2)
  await world.pass(60_000)
  assert.deepEqual(world.stored(), [1, 2])
  assert.equal(loop.stats.retries, 3)
  assert.equal(world.tables.progress.get('number.made/0')!.epoch, 4)
})

test('what waits for a partition that was taken away is not stored, and its neighbours are', async () => {
  const world = new SinkWorld()
  const { source } = await world.started(P0, P1)
  world.append(P0, 1, 2)
  world.append(P1, 3)
  await settle()
  source.revoke([P0])
  await world.pass()
  assert.deepEqual(world.stored(), [3])
  assert.equal(world.committed(P0), undefined)
})

test('the offsets of a partition that was taken away during its commit are left to the new owner', async () => {
  const world = new SinkWorld()
  const { source, store } = await world.started(P0, P1)
  store.fault = () => {
    source.revoke([P0])
    return undefined
  }
  world.append(P0, 1)
  world.append(P1, 2)
  await world.pass()
  assert.deepEqual(world.stored().sort(), [1, 2])
  assert.equal(world.committed(P0), undefined)
  assert.equal(world.committed(P1), 1)
})

test('a sink that lost a partition to another owner stores its other partitions and writes nothing of that one', async () => {
  const world = new SinkWorld()
  const zombie = await world.started(P0, P1)
  world.append(P0, 1)
  world.append(P1, 2)
  await settle()
  const successor = await world.started(P0)
  await world.pass()
  assert.deepEqual(world.stored().sort(), [1, 2])
  world.append(P0, 3)
  await world.pass()
  assert.deepEqual(world.stored().sort(), [1, 2, 3])
  assert.ok(zombie.source.isPaused(P0))
  assert.equal(successor.loop.stats.written, 2)
  assert.equal(zombie.loop.stats.written, 1)
})

test('a lost partition that stays assigned is claimed again after a while', async () => {
  const world = new SinkWorld()
  const { source } = await world.started(P0)
  world.append(P0, 1)
  world.tables.progress.set('number.made/0', { next: 0, epoch: 99 })
  await world.pass()
  assert.deepEqual(world.stored(), [])
  await world.pass(31_000)
  assert.deepEqual(world.stored(), [1])
  assert.ok(!source.isPaused(P0))
})

test('a record that cannot be decoded or is no row becomes a failure and a dead letter with its bytes', async () => {
  const world = new SinkWorld()
  await world.started(P0)
  world.append(P0, 1, 'no json', 13, 2)
  await world.pass()
  assert.deepEqual(world.stored(), [1, 2])
  assert.deepEqual(world.tables.failures.map(({ stage, code, offset, key }) => ({ stage, code, offset, key })), [
    { stage: 'keep', code: 'record.undecodable', offset: 1, key: 'no json' }, { stage: 'keep', code: 'keep.unlucky', offset: 2, key: '13' },
  ])
  assert.deepEqual(world.letters().map(({ value }) => value!.toString()), ['no json', '{"n":13}'])
  assert.equal(world.letters()[0]!.headers.get('dead-code')!.toString(), 'record.undecodable')
  assert.deepEqual(world.announcedFailures(), ['record.undecodable', 'keep.unlucky'])
  assert.equal(world.committed(P0), 4)
})

test('a dead letter is acknowledged before its failure is committed', async () => {
  const world = new SinkWorld()
  const { outbox } = await world.started(P0)
  outbox.fault = () => { throw new RetryLater('kafka.unreachable', 'away') }
  world.append(P0, 13)
  await world.pass(1_000)
  assert.equal(world.tables.commits, 0)
  outbox.fault = undefined
  await world.pass(10_000)
  assert.deepEqual([world.letters().length, world.tables.failures.length], [1, 1])
})

test('a row that the database refuses becomes a failure with its bytes, also when it is read again', async () => {
  const world = new SinkWorld()
  const { store, source, outbox } = await world.started(P0)
  store.refuses = (row) => (row.n === 2 ? refusal(row) : undefined)
  outbox.fault = () => { throw new RetryLater('kafka.unreachable', 'away') }
  world.append(P0, 1, 2, 3)
  await world.pass()
  source.revoke([P0])
  assert.deepEqual([world.stored(), world.letters().length], [[1, 3], 0])
  await world.started(P0)
  await world.pass()
  assert.deepEqual(world.announced(), [1, 3])
  assert.deepEqual(world.announcedFailures(), ['keep.refused-row'])
  assert.deepEqual(world.letters().map(({ value }) => value!.toString()), ['{"n":2}'])
  assert.deepEqual(world.stored(), [1, 3])
})

test('dead letters of other stages become failures with the coordinates of the original', async () => {
  const world = new SinkWorld()
  await world.started(P0, DEAD)
  world.appendDead(70, 'it is odd')
  await world.pass()
  assert.deepEqual(world.tables.failures, [{
    stage: 'count', code: 'count.odd', reason: 'it is odd', key: 'k', topic: 'thing.made', partition: 5, offset: 70, attempts: 3, eventTimeMs: 42, traceId: null,
    value: Buffer.from('original'),
  }])
  assert.deepEqual(world.announcedFailures(), ['count.odd'])
  assert.equal(world.letters().length, 0)
  assert.equal(world.committed(DEAD), 1)
})

test('stopping stores and announces what was taken in', async () => {
  const world = new SinkWorld()
  const { loop } = await world.started(P0)
  world.append(P0, 1, 2)
  await settle()
  const stopped = loop.stop()
  await settle()
  await stopped
  await loop.ended
  assert.deepEqual([world.stored(), world.announced(), world.committed(P0)], [[1, 2], [1, 2], 2])
})

test('stopping while the store is away ends after the time for draining, without a commit', async () => {
  const world = new SinkWorld()
  const { loop, store } = await world.started(P0)
  store.fault = () => 'before-commit'
  world.append(P0, 1, 2)
  await settle()
  const stopped = loop.stop()
  await world.pass(20_000)
  await stopped
  assert.deepEqual([world.stored(), world.committed(P0)], [[], undefined])
})

test('an error that is nobody else’s fault stops the sink, which commits nothing more', async () => {
  const world = new SinkWorld()
  const { loop, store } = await world.started(P0)
  store.fault = () => { throw new Error('a defect') }
  world.append(P0, 1)
  const ended = assert.rejects(loop.ended, /a defect/)
  await world.pass()
  await ended
  store.fault = undefined
  world.append(P0, 2)
  await world.pass(60_000)
  assert.deepEqual([world.stored(), world.committed(P0)], [[], undefined])
})

test('a store that went back is read to again from where it stands', async () => {
  const world = new SinkWorld()
  const { store } = await world.started(P0)
  world.append(P0, 1, 2, 3, 4)
  await world.pass()
  // A standby that lacks the last commit has taken over.
  world.tables.rows.length = 2
  world.tables.progress.get('number.made/0')!.next = 2
  world.append(P0, 5)
  await world.pass(10_000)
  assert.deepEqual(world.stored(), [1, 2, 3, 4, 5])
  assert.equal(world.tables.progress.get('number.made/0')!.next, 5)
  assert.ok(store)
})

test('offsets that hold no record are part of the progress', async () => {
  const world = new SinkWorld()
  const { loop } = await world.started(P0)
  const record = (offset: number): Parameters<typeof loop.records>[1][number] => ({ ...P0, offset, key: Buffer.from('1'), value: Buffer.from(`{"n":${offset}}`), headers: new Map(), timestampMs: 0, size: 8 })
  loop.records(P0, [record(3), record(7)])
  await world.pass()
  assert.deepEqual(world.tables.progress.get('number.made/0')!.next, 8)
  loop.records(P0, [record(9)])
  await world.pass()
  assert.deepEqual(world.stored(), [3, 7, 9])
})

test('a partition that is taken away while it is claimed is not taken in', async () => {
  const world = new SinkWorld()
  const { loop, store } = await world.started()
  const claimed = Promise.withResolvers<void>()
  const claim = store.claim.bind(store)
  store.claim = async (partitions) => {
    await claimed.promise
    return claim(partitions)
  }
  const assigning = loop.assigned([P0, P1])
  await settle()
  loop.revoked([P0])
  claimed.resolve()
  await assigning
  const record = { offset: 0, key: Buffer.from('1'), value: Buffer.from('{"n":1}'), headers: new Map(), timestampMs: 0, size: 8 }
  loop.records(P0, [{ ...P0, ...record }])
  loop.records(P1, [{ ...P1, ...record }])
  await world.pass()
  assert.deepEqual(world.tables.rows.map(({ partition }) => partition), [1])
})

test('stopping while the broker is away ends without an error and without a commit', async () => {
  const world = new SinkWorld()
  const { loop, outbox } = await world.started(P0)
  outbox.fault = () => { throw new RetryLater('kafka.unreachable', 'away') }
  world.append(P0, 13)
  await world.pass()
  const stopped = loop.stop()
  await world.pass(20_000)
  await stopped
  await loop.ended
  assert.deepEqual([world.tables.failures.length, world.committed(P0)], [0, undefined])
})

test('a record that waits for the registry holds back its own partition only', async () => {
  const world = new SinkWorld()
  const { source, loop } = await world.started(P0, P1)
  world.append(P0, 'later 1', 2)
  world.append(P1, 3)
  await world.pass()
  assert.deepEqual(world.stored(), [3])
  assert.ok(source.isPaused(P0))
  assert.equal(loop.stats.waiting, 2)
  world.registryAnswers.resolve()
  await world.pass(20_000)
  assert.deepEqual(world.stored(), [3, 1, 2])
  assert.ok(!source.isPaused(P0))
})

test('a sink that makes no row of most records by its own defect stops before it stores anything', async () => {
  const world = new SinkWorld({ maxRows: 100 })
  const { loop } = await world.started(P0)
  const ended = assert.rejects(loop.ended, { name: 'Halt', code: 'sink.failing' })
  world.append(P0, ...Array.from({ length: 60 }, () => 666), 1)
  await world.pass()
  await ended
  assert.deepEqual([world.tables.commits, world.letters().length], [0, 0])
})
