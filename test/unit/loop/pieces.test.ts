import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { Reject, RetryLater } from '#runtime/errors.ts'
import { backoffMs } from '#runtime/loop/backoff.ts'
import { Batcher } from '#runtime/loop/batcher.ts'
import { Breaker } from '#runtime/loop/breaker.ts'
import { deadLetterRecord, parseDeadLetter } from '#runtime/loop/dead-letter.ts'
import { withDeadline } from '#runtime/loop/deadline.ts'
import { eventId } from '#runtime/loop/event-id.ts'
import { Lanes } from '#runtime/loop/lanes.ts'
import { murmur2, partitionOfKey } from '#runtime/loop/partition-of-key.ts'
import type { SourceRecord } from '#runtime/loop/ports.ts'
import { Slots } from '#runtime/loop/slots.ts'
import { systemClock } from '#runtime/clock.ts'
import { settle, VirtualClock } from '#runtime/memory/virtual-clock.ts'

const record = (over: Partial<SourceRecord> = {}): SourceRecord => ({
  topic: 'a.b', partition: 2, offset: 7, key: Buffer.from('k'), value: Buffer.from('v'), headers: new Map(), timestampMs: 5, size: 2, ...over,
})

test('the records of one key run one after the other, those of other keys beside them', async () => {
  const started: string[] = []
  const gates = new Map<string, () => void>()
  const lanes = new Lanes<string>((item) => {
    started.push(item)
    return new Promise((resolve) => gates.set(item, resolve))
  })
  lanes.add('a', 'a1')
  lanes.add('a', 'a2')
  lanes.add('b', 'b1')
  await settle()
  assert.deepEqual(started, ['a1', 'b1'])
  gates.get('a1')!()
  await settle()
  assert.deepEqual(started, ['a1', 'b1', 'a2'])
  gates.get('a2')!()
  gates.get('b1')!()
  await settle()
  assert.equal(lanes.size, 0, 'a lane exists only while it holds work')
})

test('slots let no more than their limit in, and the longest waiting first', async () => {
  const slots = new Slots(2)
  const order: number[] = []
  await slots.acquire()
  await slots.acquire()
  for (const n of [1, 2]) void slots.acquire().then(() => order.push(n))
  await settle()
  assert.deepEqual(order, [])
  slots.release()
  await settle()
  assert.deepEqual(order, [1])
  assert.equal(slots.held, 2)
})

test('back-off doubles its bound, is capped, and spreads over the whole range', () => {
  const policy = { firstDelayMs: 100, maxDelayMs: 1_000 }
  assert.deepEqual([1, 2, 3, 4, 5, 9].map((attempt) => backoffMs({ random: () => 1 }, policy, attempt)), [100, 200, 400, 800, 1_000, 1_000])
  assert.equal(backoffMs({ random: () => 0 }, policy, 3), 0)
})

test('what the world asks for is kept, up to ten times the longest delay', () => {
  const policy = { firstDelayMs: 100, maxDelayMs: 1_000 }
  assert.equal(backoffMs(systemClock, policy, 1, 7_000), 7_000)
  assert.equal(backoffMs(systemClock, policy, 1, 3_600_000), 10_000)
})

test('a batch goes when it is full, and otherwise when its first value has waited long enough', async () => {
  const clock = new VirtualClock()
  const sizes: number[] = []
  const batcher = new Batcher<number>({ maxRecords: 3, maxWaitMs: 10 }, clock, async (values) => {
    sizes.push(values.length)
    return values.map(() => [])
  })
  const first = [1, 2, 3, 4].map((value) => batcher.submit(value))
  await clock.advance(9)
  assert.deepEqual(sizes, [3])
  await clock.advance(1)
  assert.deepEqual(sizes, [3, 1])
  await Promise.all(first)
})

test('one bad value of a batch fails alone', async () => {
  const batcher = new Batcher<number>({ maxRecords: 2, maxWaitMs: 10 }, new VirtualClock(), async () => [[], new Reject('x.bad', 'bad')])
  const [good, bad] = [batcher.submit(1), batcher.submit(2)]
  assert.deepEqual(await good, [])
  await assert.rejects(bad, { code: 'x.bad' })
})

test('a batch function that returns too few results fails the batch, loudly', async () => {
  const batcher = new Batcher<number>({ maxRecords: 1, maxWaitMs: 10 }, new VirtualClock(), async () => [])
  await assert.rejects(batcher.submit(1), /0 results for 1 values/)
})

test('work that heeds its signal ends at the deadline, work that does not is left behind after the grace', async () => {
  const clock = new VirtualClock()
  const never = new AbortController().signal
  const heeding = withDeadline(clock, 100, never, ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
  const hanging = withDeadline(clock, 100, never, () => new Promise(() => {}))
  const outcomes = Promise.allSettled([heeding, hanging])
  await clock.advance(3_000)
  for (const outcome of await outcomes) {
    assert.equal(outcome.status, 'rejected')
    assert.ok(outcome.reason instanceof RetryLater && outcome.reason.code === 'runtime.deadline')
  }
})

test('work that ends at once needs no timer, and its failure is its own', () => {
  const clock = new VirtualClock()
  const never = new AbortController().signal
  clock.after = () => assert.fail('a timer was set')
  assert.equal(withDeadline(clock, 100, never, () => 7), 7)
  assert.throws(() => withDeadline(clock, 100, never, () => { throw new Reject('x.bad', 'bad') }), { code: 'x.bad' })
})

test('the signal of work is aborted with its parent\'s, for the parent\'s reason, whenever it is asked for', async () => {
  const parent = new AbortController()
  const gate = Promise.withResolvers<void>()
  const reasons: unknown[] = []
  const early = withDeadline(new VirtualClock(), 100, parent.signal, async ({ signal }) => {
    await gate.promise
    reasons.push(signal.reason)
  })
  const late = withDeadline(new VirtualClock(), 100, parent.signal, async (allowance) => {
    await gate.promise
    reasons.push(allowance.signal.reason)
  })
  parent.abort('taken away')
  gate.resolve()
  await Promise.all([early, late])
  assert.deepEqual(reasons, ['taken away', 'taken away'])
})

test('a signal that is asked for after the deadline is aborted already', async () => {
  const clock = new VirtualClock()
  const gate = Promise.withResolvers<void>()
  const work = withDeadline(clock, 100, new AbortController().signal, async (allowance) => {
    await gate.promise
    allowance.signal.throwIfAborted()
  })
  const outcome = assert.rejects(Promise.resolve(work), { code: 'runtime.deadline' })
  await clock.advance(200)
  gate.resolve()
  await outcome
})

test('a parent signal does not remember work that has ended', async () => {
  const parent = new AbortController()
  for (let n = 0; n < 3; n++) await withDeadline(new VirtualClock(), 100, parent.signal, async ({ signal }) => void signal)
  assert.equal(getEventListeners(parent.signal, 'abort').length, 0)
})

test('the event id of an output depends on the event that led to it, not on where it was read again', () => {
  const stage = { name: 's', version: 1 }
  const headers = new Map([['event-id', Buffer.from('e1')]])
  assert.equal(eventId(stage, record({ headers }), 0), eventId(stage, record({ headers, offset: 99 }), 0))
  assert.notEqual(eventId(stage, record(), 0), eventId(stage, record({ offset: 8 }), 0))
  assert.notEqual(eventId(stage, record(), 0), eventId(stage, record(), 1))
  assert.notEqual(eventId(stage, record(), 0), eventId({ name: 's', version: 2 }, record(), 0))
})

test('event ids are for ever: the first half of a SHA-256 over stage, version, origin and number', () => {
  // printf 's\0001\000e1\0000' | sha256sum, and the same with the coordinates of an input that brought no id.
  assert.equal(eventId({ name: 's', version: 1 }, record({ headers: new Map([['event-id', Buffer.from('e1')]]) }), 0), '4384d57588834deabc1c978538bc824a')
  assert.equal(eventId({ name: 's', version: 1 }, record(), 1), '3b7649912917b4cee5e3fab4f97799fc')
})

test('keys go to the partition that every other Kafka producer chooses', () => {
  const theirs = createRequire(import.meta.url)('kafkajs/src/producer/partitioners/default/murmur2') as (key: Buffer) => number
  fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
    assert.equal(murmur2(Buffer.from(bytes)), theirs(Buffer.from(bytes)))
  }))
  // Worked out with org.apache.kafka.common.utils.Utils: toPositive(murmur2("21")) = 1173551340 (UtilsTest#testMurmur2 gives -973932308).
  assert.equal(murmur2(Buffer.from('21')), -973932308)
  assert.equal(partitionOfKey(Buffer.from('21'), 6), 1173551340 % 6)
})

test('a dead letter holds the original bytes and headers, and says where it came from', () => {
  const original = record({ headers: new Map([['traceparent', Buffer.from('00-0123456789abcdef0123456789abcdef-0123456789abcdef-01')]]) })
  const letter = deadLetterRecord(original, { stage: 'tag', code: 'tag.bad', reason: 'Bad.', attempts: 3, firstFailedAtMs: 9 }, 0)
  assert.equal(letter.topic, 'tag.dead')
  assert.equal(letter.key, original.key)
  assert.equal(letter.value, original.value)
  const headers = new Map(Object.entries(letter.headers).map(([name, value]) => [name, Buffer.from(value)]))
  const failure = parseDeadLetter(record({ topic: 'tag.dead', partition: 0, offset: 1, headers }))
  assert.deepEqual(
    { ...failure, traceId: failure.traceId?.toString('hex'), value: failure.value?.toString() },
    { stage: 'tag', code: 'tag.bad', reason: 'Bad.', key: 'k', topic: 'a.b', partition: 2, offset: 7, attempts: 3, eventTimeMs: 5, traceId: '0123456789abcdef0123456789abcdef', value: 'v' },
  )
})

test('a dead letter with odd headers is still a failure', () => {
  const failure = parseDeadLetter(record({ topic: 'tag.dead', key: null, headers: new Map([['dead-offset', Buffer.from('-1')], ['dead-partition', Buffer.from('1e400')]]) }))
  assert.equal(failure.stage, 'tag')
  assert.equal(failure.code, 'dead-letter.no-code')
  assert.deepEqual([failure.partition, failure.offset, failure.key], [2, 7, null])
})

test('the breaker trips when most records are given up, and never for records that are at fault', () => {
  const breaker = new Breaker('s')
  for (let n = 0; n < 50; n++) breaker.record(true, 'x.down')
  assert.throws(() => breaker.record(true, 'x.down'), { name: 'Halt', code: 'runtime.failing' })
  const calm = new Breaker('s')
  for (let n = 0; n < 500; n++) calm.record(n % 2 === 0, 'x.down')
})
