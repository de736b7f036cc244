/** What kafkajs gets wrong on a real broker, and how it is kept from us; C3 to C11 number its defects. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { systemClock, type Clock } from '#runtime/clock.ts'
import { readChangelog } from '#runtime/kafka/changelog-reader.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { committedPositions } from '#runtime/kafka/offsets.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import { CompressionTypes, type Kafka } from '#runtime/kafka/patches.ts'
import { KafkaSource } from '#runtime/kafka/source.ts'
import { KafkaTaskBroker } from '#runtime/kafka/task-broker.ts'
import { createLog } from '#runtime/log.ts'
import type { OutgoingRecord, PartitionId, Position, SourceRecord } from '#runtime/loop/ports.ts'
import { takeOver } from '#runtime/loop/take-over.ts'
import { eventually } from '#test/support/eventually.ts'
import { END_TXN, FETCH, holdRequests, PRODUCE } from '#test/support/held-requests.ts'
import { segmentsOf } from '#test/support/log-segments.ts'
import { stackFor } from '#test/support/stack.ts'

const log = createLog('test', 'silent')
const warnings: string[] = []
process.on('warning', ({ name }) => warnings.push(name))

const CLEANER = [{ type: 4, name: '1', configEntries: [{ name: 'log.cleaner.backoff.ms', value: '100' }] }]

let connection: KafkaConnection

/** What a test that fails leaves open would keep this process alive. */
const open: { close(): Promise<unknown> }[] = []
const tracked = <T extends { close(): Promise<unknown> }>(each: T): T => {
  open.push(each)
  return each
}

// Above the stack's own `after`, which would otherwise run first.
after(async () => {
  await Promise.all(open.map((each) => each.close()))
  await connection?.close()
})
const stack = await stackFor(['kafka'], { own: true })
before(async () => {
  connection = await connectKafka({ brokers: stack.kafkaBrokers.split(','), clientId: 'test' }, log)
  await connection.admin.alterConfigs({ validateOnly: false, resources: CLEANER })
})

async function topicWith(partitions = 1, config: Record<string, string> = {}): Promise<string> {
  const topic = `t-${randomUUID().slice(0, 8)}`
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
  await connection.admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }] })
  return topic
}

const outgoing = (topic: string, text: string, partition = 0): OutgoingRecord =>
  ({ topic, partition, key: Buffer.from(text), value: Buffer.from(text), headers: {}, timestampMs: 1_700_000_000_000 })

async function write(topic: string, texts: string[], partition = 0): Promise<void> {
  const outbox = new KafkaOutbox(connection.kafka, systemClock, log)
  await outbox.send(texts.map((text) => outgoing(topic, text, partition)))
  await outbox.close()
}

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => String(from + n))

/** A member of a group, and all that its source told it. */
function member(topic: string, { groupId = `g-${randomUUID().slice(0, 8)}`, sessionTimeoutMs = 6_000, starts = [] as Position[], pauses = false, kafka = connection } = {}) {
  const seen = { texts: [] as string[], failures: [] as Error[], assigned: [] as PartitionId[][], revoked: [] as PartitionId[] }
  const source = new KafkaSource(kafka, { groupId, topics: [topic], sessionTimeoutMs }, log)
  tracked({ close: () => source.stop() })
  const start = (): Promise<void> => source.start({
    assigned: async (partitions) => {
      seen.assigned.push(partitions)
      return starts
    },
    revoked: (partitions) => void seen.revoked.push(...partitions),
    records: (id, records) => {
      seen.texts.push(...records.map(({ value }) => String(value)))
      if (pauses) source.pause([id])
    },
    failed: (error) => void seen.failures.push(error),
  })
  return { source, start, seen, groupId, id: { topic, partition: 0 } }
}

const committedBy = async (groupId: string, id: PartitionId): Promise<number | undefined> => (await committedPositions(connection.admin, groupId, [id]))[0]?.offset

/** A broker takes it only once its replicas have the records. */
const trim = (topic: string, offset: number): Promise<void> => eventually(() => connection.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] }))

// C10

test('records that were deleted while a stage runs halt it, and its group keeps its position', { timeout: 30_000 }, async () => {
  const topic = await topicWith()
  await write(topic, numbers(0, 10))
  const { source, start, seen, groupId, id } = member(topic, { pauses: true })
  await start()
  await eventually(() => assert.equal(seen.texts.length, 10))
  await source.commit([{ ...id, offset: 10 }])
  await write(topic, numbers(10, 20))
  await trim(topic, 15)
  source.resume([id])
  const failure = await eventually(() => seen.failures[0] ?? assert.fail('no failure yet'))
  await source.stop()
  assert.equal((failure as { code?: string }).code, 'kafka.records-lost')
  assert.equal(failure.message, `${groupId} stands at offset 10 of ${topic}/0, but the oldest record left is 15 and the log ends at 20.`)
  assert.deepEqual(seen.texts, numbers(0, 10))
  assert.equal(await committedBy(groupId, id), 10)
})

test('a log that ends before a reader\'s progress refuses it at its assignment', { timeout: 30_000 }, async () => {
  const topic = await topicWith()
  await write(topic, numbers(0, 3))
  const { source, start, seen, groupId } = member(topic, { starts: [{ topic, partition: 0, offset: 100 }] })
  await start()
  const failure = await eventually(() => seen.failures[0] ?? assert.fail('no failure yet'))
  await source.stop()
  assert.equal((failure as { code?: string }).code, 'kafka.log-truncated')
  assert.equal(failure.message, `${groupId} stands at offset 100 of ${topic}/0, but the log begins at 0 and ends at 3.`)
})

test('a topic that was made anew while a stage runs halts it', { timeout: 30_000 }, async () => {
  const topic = await topicWith()
  await write(topic, numbers(0, 10))
  const { source, start, seen, id } = member(topic, { pauses: true })
  await start()
  await eventually(() => assert.equal(seen.texts.length, 10))
  await connection.admin.deleteTopics({ topics: [topic] })
  await eventually(() => connection.admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] }))
  await write(topic, ['new'])
  source.resume([id])
  const failure = await eventually(() => seen.failures[0] ?? assert.fail('no failure yet'))
  await source.stop()
  assert.equal((failure as { code?: string }).code, 'kafka.log-truncated')
  assert.deepEqual(seen.texts, numbers(0, 10))
})

test('a log that was read and then trimmed to nothing is read on', { timeout: 30_000 }, async () => {
  const topic = await topicWith()
  await write(topic, numbers(0, 5))
  await trim(topic, 5)
  const { source, start, seen } = member(topic, { starts: [{ topic, partition: 0, offset: 5 }] })
  await start()
  await write(topic, ['next'])
  await eventually(() => assert.deepEqual(seen.texts, ['next']))
  await source.stop()
  assert.deepEqual(seen.failures, [])
})

// C11

/** Two segments too large to be merged; the first ends with a batch whose records are all removed. */
async function compactedTopic(): Promise<string> {
  const topic = await topicWith(1, {
    'cleanup.policy': 'compact', 'segment.ms': '500', 'segment.bytes': '1048576', 'min.cleanable.dirty.ratio': '0.01', 'min.compaction.lag.ms': '0', 'delete.retention.ms': '0',
  })
  const roll = (): Promise<void> => systemClock.sleep(600)
  // 1. a batch that keeps its first record only: a removed tail of 1,999 offsets
  await send(topic, [['keep', 'kept'], ...gone(0, 2_000)])
  // 2. two transactions, one aborted, whose markers stay for a while
  const producer = connection.kafka.producer({ transactionalId: `tx-${topic}`, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (const [key, ends] of [['committed', 'commit'], ['aborted', 'abort']] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ key, value: key, partition: 0 }] })
    await transaction[ends]()
  }
  await producer.disconnect()
  // 3. the last batch of the segment, and the last of its producer: the cleaner keeps it, without a record
  await send(topic, gone(0, 2_000))
  await roll()
  await send(topic, [...gone(0, 1_999), ['gone-1999', null]])
  await send(topic, [['committed', 'again']])
  await roll()
  await send(topic, [['end', 'end']])
  return topic
}

type Entry = [key: string, value: string | null]
const gone = (from: number, to: number): Entry[] => numbers(from, to).map((n) => [`gone-${n}`, 'x'.repeat(300)])

async function send(topic: string, entries: Entry[]): Promise<void> {
  const producer = connection.kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  await producer.send({ topic, messages: entries.map(([key, value]) => ({ key, value, partition: 0 })) })
  await producer.disconnect()
}

test('a compacted log is read to its end, over a removed tail and a batch without records', { timeout: 40_000 }, async (t) => {
  const topic = await compactedTopic()
  const [first] = await eventually(() => {
    const segments = segmentsOf(stack, topic)
    assert.ok(segments.length >= 3 && segments[0]!.at(-1)!.count === 0, JSON.stringify(segments))
    return segments
  })
  assert.deepEqual([first![0]!.count, first![0]!.lastOffset], [1, 2_000], 'the tail is gone')
  const survivors = ['keep', ...numbers(0, 1_999).map((n) => `gone-${n}`), 'committed', 'end']
  const withoutTombstone = (records: SourceRecord[]): string[] => records.filter(({ value }) => value !== null).map(({ key }) => String(key))

  await t.test('by a stage', async () => {
    const records: SourceRecord[] = []
    let fetches = 0
    const kafka = { ...connection, kafka: { consumer: (options: never) => watched(connection.kafka.consumer(options), () => fetches++) } as unknown as Kafka }
    const source = new KafkaSource(kafka, { groupId: `g-${topic}`, topics: [topic] }, log)
    tracked({ close: () => source.stop() })
    await source.start({ assigned: async () => [], revoked: () => {}, failed: (error) => assert.fail(error), records: (_, batch) => void records.push(...batch) })
    await eventually(() => assert.equal(String(records.at(-1)?.key), 'end'), 8_000)
    await source.stop()
    assert.deepEqual(withoutTombstone(records), survivors)
    assert.ok(fetches < 40, `${fetches} fetches`)
  })

  await t.test('by a restore', async () => {
    const records = await readAll(topic, 0, (record) => String(record.key) === 'end')
    assert.deepEqual(withoutTombstone(records), survivors)
  })
})

function watched<C extends { on(event: string, listener: () => void): unknown }>(consumer: C, fetched: () => void): C {
  consumer.on('consumer.fetch', fetched)
  return consumer
}

async function readAll(topic: string, from: number, isLast: (record: SourceRecord) => boolean, over: { signal?: AbortSignal; kafka?: Kafka; clock?: Clock } = {}): Promise<SourceRecord[]> {
  const records: SourceRecord[] = []
  await readChangelog({
    kafka: connection.kafka, id: { topic, partition: 0 }, from, clock: systemClock, signal: AbortSignal.timeout(15_000), ...over,
    take: (slice) => {
      records.push(...slice)
      return slice.some(isLast)
    },
  })
  return records
}

// Reading without a group

test('a restore reads from any offset, every codec, and leaves no group behind', { timeout: 30_000 }, async () => {
  const topic = await topicWith()
  const producer = connection.kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const codecs = [CompressionTypes.None, CompressionTypes.GZIP, CompressionTypes.Snappy, CompressionTypes.LZ4, CompressionTypes.ZSTD]
  for (const compression of codecs) await producer.send({ topic, compression, messages: numbers(0, 200).map((value) => ({ value: `${compression}-${value}`, partition: 0 })) })
  await producer.disconnect()
  const records = await readAll(topic, 150, ({ offset }) => offset === 999)
  assert.deepEqual(records.map(({ offset }) => offset), Array.from({ length: 850 }, (_, n) => 150 + n))
  assert.deepEqual(records.map(({ value }) => String(value)), codecs.flatMap((codec) => numbers(0, 200).map((n) => `${codec}-${n}`)).slice(150))
  const { groups } = await connection.admin.listGroups()
  assert.ok(!groups.some(({ groupId }) => groupId.includes(topic)))
})

test('a restore ends with its signal, and with its reader\'s own failure', { timeout: 20_000 }, async () => {
  const topic = await topicWith()
  await write(topic, ['a'])
  const closing = new AbortController()
  const reading = readAll(topic, 0, () => {
    closing.abort(new Error('closed'))
    return false
  }, { signal: closing.signal })
  await assert.rejects(reading, { message: 'closed' })
  await assert.rejects(readAll(topic, 0, () => assert.fail('unreadable')), { message: 'unreadable' })
})

test('a restore begins with the oldest record left, and never in the middle of what it lacks', { timeout: 20_000 }, async () => {
  const topic = await topicWith()
  await write(topic, numbers(0, 10))
  await trim(topic, 4)
  assert.equal((await readAll(topic, 0, ({ offset }) => offset === 9)).length, 6)
  await assert.rejects(readAll(topic, 2, () => true), { name: 'RetryLater', code: 'state.foreign-base' })
})

/** A clock on which everything comes sooner. */
const hastened = (times: number): Clock => ({
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * times,
  sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
  after: (ms, run) => systemClock.after(ms / times, run),
})

test('a restore that the broker does not answer asks again, and gives up when nothing comes', { timeout: 20_000 }, async () => {
  const topic = await topicWith()
  await write(topic, ['a'])
  const silent = holdRequests(stack.kafkaBrokers, FETCH)
  silent.hold()
  const reading = readAll(topic, 0, () => true, { kafka: silent.kafka, clock: hastened(20) })
  await eventually(() => assert.equal(silent.count(), 1))
  silent.pass()
  assert.equal((await reading).length, 1)
  silent.hold()
  await assert.rejects(readAll(topic, 0, () => true, { kafka: silent.kafka, clock: hastened(60) }), { name: 'RetryLater', code: 'kafka.unreachable' })
  silent.release()
})

// C3, C4: a committed offset is read after the fence

function taskOf(groupId: string, changelog: string, kafka = connection): KafkaTaskBroker {
  return new KafkaTaskBroker(kafka, { groupId, changelog }, systemClock, log)
}

test('a position that a predecessor is still committing is final when it is read', { timeout: 30_000 }, async () => {
  const [input, changelog, groupId] = [await topicWith(), await topicWith(), `g-${randomUUID()}`]
  await write(input, numbers(0, 20))
  const id = { topic: input, partition: 0 }
  const begin = async (offset: number) => {
    const producer = tracked(await taskOf(groupId, changelog).openProducer(id))
    const transaction = await producer.begin()
    await transaction.position({ ...id, offset })
    return { producer, transaction }
  }
  const committing = await begin(5)
  let pending: Awaited<ReturnType<typeof begin>> | undefined
  const { producer, position } = await takeOver({
    id, broker: taskOf(groupId, changelog), changelog, base: { changelogNext: 0, position: 0 }, restore: () => {}, clock: systemClock, signal: AbortSignal.timeout(20_000),
    at: async (name) => {
      // It ends its transaction at the last moment that it can: an offset read before the fence would be too old.
      if (name === 'before-fence') {
        assert.equal(await committedBy(groupId, id), undefined, 'a pending offset is not seen')
        await committing.transaction.commit()
        pending = await begin(9)
      }
      // From now on it is refused, so what is read stays.
      if (name === 'after-fence') await assert.rejects(pending!.transaction.commit(), { code: 'task.fenced' })
    },
  })
  assert.equal(position, 5)
  assert.equal(await committedBy(groupId, id), 5)
  await Promise.all([producer, committing.producer, pending!.producer].map((each) => each.close()))
})

// C5, C6, C8: an EndTxn whose reply, or which itself, is lost

test('a commit that comes late, from a producer that was thrown away, ends nobody\'s transaction', { timeout: 30_000 }, async () => {
  const [topic, changelog, groupId] = [await topicWith(), await topicWith(), `g-${randomUUID()}`]
  const id = { topic, partition: 0 }
  const late = holdRequests(stack.kafkaBrokers, END_TXN)
  const stale = tracked(await taskOf(groupId, changelog, { ...connection, kafka: late.kafka }).openProducer(id))
  const lost = await stale.begin()
  await lost.send([outgoing(topic, 'lost')])
  late.hold()
  const outcome = lost.commit().then(() => 'committed', (error: { code?: string }) => error.code)
  await eventually(() => assert.equal(late.count(), 1))

  const next = tracked(await taskOf(groupId, changelog).openProducer(id))
  const open = await next.begin()
  await open.send([outgoing(topic, 'open')])
  late.release()
  assert.equal(await outcome, 'task.fenced')
  await open.abort()
  const sound = await next.begin()
  await sound.send([outgoing(topic, 'sound')])
  await sound.commit()
  const records = await readAll(topic, 0, ({ value }) => String(value) === 'sound')
  assert.deepEqual(records.map(({ value }) => String(value)), ['sound'])
  await Promise.all([stale.close(), next.close()])
})

test('after a commit whose outcome is unknown a new producer takes over, and what was committed is read from the broker', { timeout: 30_000 }, async () => {
  const [input, changelog, groupId] = [await topicWith(), await topicWith(), `g-${randomUUID()}`]
  await write(input, numbers(0, 5))
  const id = { topic: input, partition: 0 }
  const cut = holdRequests(stack.kafkaBrokers, END_TXN)
  const broker = taskOf(groupId, changelog, { ...connection, kafka: cut.kafka })
  const take = () => takeOver({ id, broker, changelog, base: { changelogNext: 0, position: 0 }, restore: () => {}, clock: systemClock, signal: AbortSignal.timeout(20_000) })
  const first = await take()
  tracked(first.producer)
  const doubtful = await first.producer.begin()
  await doubtful.position({ ...id, offset: 3 })
  cut.hold()
  doubtful.commit().catch(() => {}) // never answered
  await eventually(() => assert.equal(cut.count(), 1))
  await first.producer.close()
  cut.pass()
  const second = await take()
  tracked(second.producer)
  assert.equal(second.position, 0)
  const transaction = await second.producer.begin()
  await transaction.position({ ...id, offset: 3 })
  await transaction.commit()
  assert.equal(await committedBy(groupId, id), 3)
  await second.producer.close()
})

// C7

test('a send that hangs ends at its deadline, and the records are sent again', { timeout: 20_000 }, async () => {
  const topic = await topicWith()
  const hanging = holdRequests(stack.kafkaBrokers, PRODUCE)
  const outbox = tracked(new KafkaOutbox(hanging.kafka, hastened(20), log))
  hanging.hold()
  const sent = outbox.send([outgoing(topic, 'a')])
  await eventually(() => assert.equal(hanging.count(), 1))
  hanging.pass()
  await sent
  await outbox.close()
  assert.equal((await readAll(topic, 0, () => true)).length, 1)
})

// Membership

test('a member whose partitions are all paused keeps them, and one that the coordinator does not answer trusts none', { timeout: 40_000 }, async () => {
  const topic = await topicWith()
  const { source, start, seen, id } = member(topic, { sessionTimeoutMs: 3_000 })
  await start()
  await eventually(() => assert.ok(source.holds(id)))
  source.pause([id])
  const pausedAtMs = performance.now()
  while (performance.now() - pausedAtMs < 3_500) {
    assert.ok(source.holds(id), `after ${Math.round(performance.now() - pausedAtMs)} ms`)
    await systemClock.sleep(20)
  }
  assert.equal(seen.assigned.length, 1, 'and the group has not rebalanced')
  await stack.kill('kafka', 'SIGSTOP')
  try {
    const stoppedAtMs = performance.now()
    await eventually(() => assert.ok(!source.holds(id)), 3_000)
    assert.ok(performance.now() - stoppedAtMs < 1_700, 'half a session and a glance')
  } finally {
    await stack.kill('kafka', 'SIGCONT')
  }
  await eventually(() => assert.ok(source.holds(id)))
  await source.stop()
  assert.equal(source.holds(id), false)
})

test('a member that is stopped leaves at once: the others have its partitions after one rebalance, long before its session ends', { timeout: 40_000 }, async () => {
  const topic = await topicWith(4)
  const groupId = `g-${randomUUID().slice(0, 8)}`
  const [a, b] = [member(topic, { groupId, sessionTimeoutMs: 30_000 }), member(topic, { groupId, sessionTimeoutMs: 30_000 })]
  await Promise.all([a.start(), b.start()])
  await eventually(() => assert.deepEqual([a.seen.assigned.at(-1)?.length, b.seen.assigned.at(-1)?.length], [2, 2]))
  const joins = b.seen.assigned.length
  const stoppedAtMs = performance.now()
  await a.source.stop()
  await eventually(() => assert.equal(b.seen.assigned.at(-1)!.length, 4))
  assert.ok(performance.now() - stoppedAtMs < 6_000, `${Math.round(performance.now() - stoppedAtMs)} ms`)
  assert.equal(b.seen.assigned.length, joins + 1)
  assert.deepEqual(b.seen.revoked, [])
  await b.source.stop()
})

test('a member that is stopped while it joins leaves as well, and does not stay as a ghost until its session ends', { timeout: 30_000 }, async () => {
  const topic = await topicWith()
  const membersOf = async (groupId: string) => (await connection.admin.describeGroups([groupId])).groups[0]!
  const early = member(topic)
  const starting = early.start()
  await early.source.stop()
  await starting
  assert.deepEqual((await membersOf(early.groupId)).members, [])

  const resident = member(topic)
  await resident.start()
  const late = member(topic, { groupId: resident.groupId, sessionTimeoutMs: 30_000 })
  const joining = late.start()
  // The group waits for the resident's next heartbeat, so the newcomer is stopped in the middle of its join.
  await eventually(async () => assert.equal((await membersOf(resident.groupId)).state, 'PreparingRebalance'))
  await late.source.stop()
  await joining
  await eventually(async () => assert.deepEqual([(await membersOf(resident.groupId)).state, (await membersOf(resident.groupId)).members.length], ['Stable', 1]), 10_000)
  await resident.source.stop()
})

test('nothing waits for a negative time', () => {
  assert.deepEqual(warnings.filter((name) => name === 'TimeoutNegativeWarning'), [])
})
