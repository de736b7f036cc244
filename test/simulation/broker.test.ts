/** The simulated broker against what is known of the real one: a simulation of something else would prove nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OutgoingRecord } from '#runtime/loop/ports.ts'
import { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { Broker } from './broker/broker.ts'
import { Coverage } from './coverage.ts'
import { openReader, type ReaderName } from './ports/reader.ts'
import { Random } from './random.ts'
import { Trace } from './trace.ts'
import { Violations } from './violations.ts'

const OUT = { topic: 'out', partition: 0 }
const IN = { topic: 'in', partition: 0 }

function open() {
  const clock = new VirtualClock(0)
  const broker = new Broker({ clock, random: new Random(1), trace: new Trace(() => clock.now()), coverage: new Coverage() })
  broker.createTopic('in', 1)
  broker.createTopic('out', 1)
  broker.createGroup('group', ['in'], () => {})
  const log = broker.log(OUT)
  const write = (id: string, value: string) => {
    const identity = broker.transactions.initProducerId(id)
    broker.transactions.addPartitions(identity, [log])
    broker.produceInTransaction(identity, [recordOf(value)])
    return identity
  }
  const read = (from = 0, reader: ReaderName = 'ours') => openReader(reader, new Violations(() => {}))(log.fetch(from, 100), from).map(({ value }) => value!.toString())
  return { clock, broker, log, group: broker.group('group'), write, read }
}

function recordOf(value: string): OutgoingRecord {
  return { ...OUT, key: Buffer.from('k'), value: Buffer.from(value), headers: {}, timestampMs: 0 }
}

test('aborted transactions are listed in the order in which they ended, and kafkajs\'s own filter then leaks the first', async () => {
  const { clock, broker, log, write, read } = open()
  const [a, b] = [write('a', 'from A'), write('b', 'from B')]
  broker.transactions.end(b, 'abort')
  await clock.advance(1_000)
  broker.transactions.end(a, 'abort')
  await clock.advance(1_000)
  assert.deepEqual(log.fetch(0, 100).aborted.map(({ firstOffset }) => firstOffset), ['1', '0'])
  assert.deepEqual(read(), [])
  assert.deepEqual(read(0, 'kafkajs-filter'), ['from A'])
})

test('readers come up to the first open transaction, and markers take offsets', async () => {
  const { clock, broker, log, write, read } = open()
  const open1 = write('a', 'first')
  log.append([recordOf('plain')])
  assert.deepEqual([log.lastStable, log.end, read()], [0, 2, []])
  broker.transactions.end(open1, 'commit')
  await clock.advance(1_000)
  assert.deepEqual([log.lastStable, log.end, read()], [3, 3, ['first', 'plain']])
})

test('a new producer of the same id aborts what the old one left open, and refuses it from then on', async () => {
  const { clock, broker, write, read } = open()
  const old = write('a', 'lost')
  assert.throws(() => broker.transactions.initProducerId('a'), { type: 'CONCURRENT_TRANSACTIONS' })
  await clock.advance(1_000)
  const fresh = broker.transactions.initProducerId('a')
  assert.ok(fresh.epoch > old.epoch && fresh.producerId === old.producerId)
  assert.throws(() => broker.transactions.end(old, 'commit'), { type: 'INVALID_PRODUCER_EPOCH' })
  assert.throws(() => broker.produceInTransaction(old, [recordOf('late')]), { type: 'INVALID_PRODUCER_EPOCH' })
  assert.deepEqual(read(), [])
})

test('an end that comes late ends a later transaction of the same epoch (KIP-890)', async () => {
  const { clock, broker, log, write, read } = open()
  const identity = write('a', 'first')
  broker.transactions.end(identity, 'commit')
  await clock.advance(1_000)
  broker.transactions.addPartitions(identity, [log])
  broker.produceInTransaction(identity, [recordOf('second')])
  broker.transactions.end(identity, 'commit')
  await clock.advance(1_000)
  assert.deepEqual(read(), ['first', 'second'])
})

test('a transaction that stays open is aborted after its timeout', async () => {
  const { clock, broker, write, read, log } = open()
  const identity = write('a', 'lost')
  await clock.advance(21_000)
  assert.deepEqual([log.lastStable, read()], [2, []])
  assert.throws(() => broker.transactions.end(identity, 'commit'), { type: 'INVALID_PRODUCER_EPOCH' })
})

test('a position that is part of a transaction is not seen before the transaction has ended', async () => {
  const { clock, broker, group, write } = open()
  const identity = write('a', 'value')
  broker.transactions.addGroup(identity, group)
  group.commitInTransaction(identity.producerId, identity.epoch, [{ ...IN, offset: 7 }])
  assert.equal(group.committed(IN), undefined)
  broker.transactions.end(identity, 'commit')
  await clock.advance(1_000)
  assert.equal(group.committed(IN), 7)
})

test('a member whose session has ended can commit nothing, and another gets its partitions', async () => {
  const { clock, group } = open()
  const joining = group.join(undefined)
  await clock.advance(1_000)
  const first = await joining
  const second = group.join(undefined)
  await clock.advance(12_000)
  const { partitions, memberId, generation } = await second
  assert.deepEqual(partitions, [IN])
  assert.throws(() => group.commit(first.memberId, first.generation, [{ ...IN, offset: 1 }]), { type: 'UNKNOWN_MEMBER_ID' })
  assert.throws(() => group.commit(memberId, generation - 1, [{ ...IN, offset: 1 }]), { type: 'ILLEGAL_GENERATION' })
  group.commit(memberId, generation, [{ ...IN, offset: 2 }])
  assert.equal(group.committed(IN), 2)
})

test('while a group rebalances its members are told so by their heartbeats', async () => {
  const { clock, group } = open()
  const joining = group.join(undefined)
  await clock.advance(1_000)
  const { memberId, generation } = await joining
  group.heartbeat(memberId, generation)
  void group.join(undefined)
  assert.throws(() => group.heartbeat(memberId, generation), { type: 'REBALANCE_IN_PROGRESS' })
})
