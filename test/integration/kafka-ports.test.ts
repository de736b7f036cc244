/** The loops on a real broker: what the in-memory log promises must hold there too. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { openCodec, type Codec } from '#runtime/avro/codec.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import { systemClock } from '#runtime/clock.ts'
import type { Processor, StatefulProcessor } from '#runtime/define/processor.ts'
import type { Topic } from '#runtime/define/topic.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { committedPositions, endOffsets } from '#runtime/kafka/offsets.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import { KafkaTaskBroker } from '#runtime/kafka/task-broker.ts'
import { KafkaSource } from '#runtime/kafka/source.ts'
import { createLog } from '#runtime/log.ts'
import { Breaker } from '#runtime/loop/breaker.ts'
import { openHandler } from '#runtime/loop/handler.ts'
import { partitionKey } from '#runtime/loop/partition-key.ts'
import type { SourceRecord } from '#runtime/loop/ports.ts'
import { encodeRecord } from '#runtime/loop/record-encoder.ts'
import { RecordWork } from '#runtime/loop/record-work.ts'
import { StageLoop } from '#runtime/loop/stage-loop.ts'
import { emptyStats } from '#runtime/loop/stage-stats.ts'
import { StatefulLoop } from '#runtime/loop/stateful-loop.ts'
import { takeOver, type TakenOver } from '#runtime/loop/take-over.ts'
import { commitTransaction } from '#runtime/loop/transaction.ts'
import { passTraceOn } from '#runtime/telemetry/tracing.ts'
import { countKept, counting, noteCounted, noteShouted, noteTaken, shouting, type Note } from '#test/support/sample-stage.ts'
import { readTopic } from '#test/support/read-topic.ts'
import { stackFor } from '#test/support/stack.ts'
import { eventually } from '#test/support/eventually.ts'

const log = createLog('test', 'silent')
let connection: KafkaConnection

// Above the stack's own `after`, which would otherwise run first.
after(() => connection?.close())
const { kafkaBrokers, registryUrl } = await stackFor(['kafka', 'registry'])
before(async () => {
  connection = await connectKafka({ brokers: kafkaBrokers.split(','), clientId: 'test' }, log)
})

/** A world of its own for one test: fresh names for topics and groups. */
async function world() {
  const suffix = randomUUID().slice(0, 8)
  const rename = <V>(topic: Topic<V>, partitions: number): Topic<V> => {
    const renamed = ((value: V) => ({ topic: renamed, key: topic.keyOf(value), value })) as Topic<V>
    for (const [name, value] of Object.entries({ ...topic, name: `${topic.name}-${suffix}`, partitions })) Object.defineProperty(renamed, name, { value, enumerable: true })
    return renamed
  }
  const topics = { taken: rename(noteTaken, 3), shouted: rename(noteShouted, 3), counted: rename(noteCounted, 3), kept: rename(countKept, 1), single: rename(noteTaken, 1) }
  topics.single = rename({ ...noteTaken, name: 'note.single' } as Topic<Note>, 1)
  await connection.admin.createTopics({
    topics: [
      ...Object.values(topics).map((topic) => ({ topic: topic.name, numPartitions: topic.partitions, replicationFactor: 1 })),
      ...['shout', 'count'].map((stage) => ({ topic: `${stage}-${suffix}.dead`, numPartitions: 1, replicationFactor: 1 })),
    ],
  })
  const registry = connectRegistry(registryUrl)
  for (const topic of Object.values(topics)) await registry.register(`${topic.name}-value`, topic.schema)
  const codec = await openCodec(registry, Object.values(topics))
  const outbox = new KafkaOutbox(connection.kafka, systemClock, log)
  const write = (topic: Topic<Note>, notes: Note[]) => outbox.send(notes.map((note) => encodeRecord(codec, topic(note), 7, {})))
  return { suffix, topics, codec, outbox, write, group: `test.${suffix}` }
}

type World = Awaited<ReturnType<typeof world>>

function startShouting(w: World) {
  const processor = { ...shouting(), name: `shout-${w.suffix}`, reads: w.topics.taken, writes: [w.topics.shouted], handle: (note: Note) => [w.topics.shouted({ ...note, text: note.text.toUpperCase() })] } as unknown as Processor
  const source = new KafkaSource(connection, { groupId: w.group, topics: [w.topics.taken.name], sessionTimeoutMs: 6_000 }, log)
  const stats = emptyStats()
  const loop = new StageLoop({
    processor, source, clock: systemClock, log, stats,
    work: (halt) => new RecordWork({
      processor, codec: w.codec, outbox: w.outbox, clock: systemClock, log, tracing: passTraceOn, stats, breaker: new Breaker('shout'), halt,
      attempt: openHandler({ processor, services: {}, clock: systemClock, log }),
    }),
  })
  return { loop, stats }
}

function startCounting(w: World) {
  const processor = {
    ...counting, name: `count-${w.suffix}`, reads: w.topics.single, writes: [w.topics.counted], state: { ...counting.state, changelog: w.topics.kept },
    decide: (note: Note, state: never, context: never) => {
      const { write, remember } = counting.decide(note, state, context)
      return { write: write.map(({ value }) => w.topics.counted(value as Note)), remember }
    },
  } as unknown as StatefulProcessor
  const stats = emptyStats()
  const loop = new StatefulLoop({
    processor, codec: w.codec, services: {}, clock: systemClock, log, tracing: passTraceOn, stats,
    source: new KafkaSource(connection, { groupId: w.group, topics: [w.topics.single.name], sessionTimeoutMs: 6_000 }, log),
    broker: new KafkaTaskBroker(connection, { groupId: w.group, changelog: w.topics.kept.name }, systemClock, log),
  })
  return { loop, stats }
}

async function readAll(codec: Codec, topic: Topic<Note>): Promise<{ record: SourceRecord; note: Note }[]> {
  return (await readTopic(connection, topic.name)).map((record) => ({ record, note: codec.decode(topic, record.value) as Note }))
}

test('a thousand records go through a stage once each, in order per key, and their offsets are committed', { timeout: 60_000 }, async () => {
  const w = await world()
  await w.write(w.topics.taken, Array.from({ length: 1_000 }, (_, n) => ({ id: `k${n % 10}`, text: `t${n}` })))
  const { loop, stats } = startShouting(w)
  await loop.start()
  await eventually(() => assert.equal(stats.written, 1_000))
  await loop.stop()
  const outputs = await readAll(w.codec, w.topics.shouted)
  assert.equal(outputs.length, 1_000)
  for (let key = 0; key < 10; key++) {
    const texts = outputs.filter(({ note }) => note.id === `k${key}`).map(({ note }) => note.text)
    assert.deepEqual(texts, Array.from({ length: 100 }, (_, n) => `T${n * 10 + key}`))
  }
  assert.equal(new Set(outputs.map(({ record }) => record.headers.get('event-id')!.toString())).size, 1_000)
  const committed = await committedPositions(connection.admin, w.group, [0, 1, 2].map((partition) => ({ topic: w.topics.taken.name, partition })))
  assert.equal(committed.reduce((sum, { offset }) => sum + offset, 0), 1_000)
  await w.outbox.close()
})

test('a stage that is stopped and started goes on where it was', { timeout: 60_000 }, async () => {
  const w = await world()
  await w.write(w.topics.taken, [{ id: 'a', text: 'x' }])
  const first = startShouting(w)
  await first.loop.start()
  await eventually(() => assert.equal(first.stats.written, 1))
  await first.loop.stop()
  await w.write(w.topics.taken, [{ id: 'a', text: 'y' }])
  const second = startShouting(w)
  await second.loop.start()
  await eventually(() => assert.equal(second.stats.written, 1))
  await second.loop.stop()
  assert.deepEqual((await readAll(w.codec, w.topics.shouted)).map(({ note }) => note.text), ['X', 'Y'])
  await w.outbox.close()
})

test('two members of a group share the partitions, and one takes all when the other leaves', { timeout: 90_000 }, async () => {
  const w = await world()
  const [a, b] = [startShouting(w), startShouting(w)]
  await Promise.all([a.loop.start(), b.loop.start()])
  // Until the group has settled on both members, records may all go to one of them: both must come to write some.
  let sent = 0
  await eventually(async () => {
    await w.write(w.topics.taken, Array.from({ length: 60 }, (_, n) => ({ id: `k${n}`, text: `t${sent + n}` })))
    sent += 60
    await systemClock.sleep(300)
    assert.ok(a.stats.written > 0 && b.stats.written > 0, `${a.stats.written} and ${b.stats.written} of ${sent}`)
  }, 30_000)
  await eventually(() => assert.ok(a.stats.written + b.stats.written >= sent))
  await b.loop.stop()
  const before = a.stats.written
  await w.write(w.topics.taken, Array.from({ length: 60 }, (_, n) => ({ id: `k${n}`, text: `u${n}` })))
  await eventually(() => assert.ok(a.stats.written >= before + 60), 30_000)
  await a.loop.stop()
  const texts = (await readAll(w.codec, w.topics.shouted)).map(({ note }) => note.text)
  assert.equal(new Set(texts).size, sent + 60)
  await w.outbox.close()
})

test('a stateful stage decides once, and its successor repeats its answers', { timeout: 90_000 }, async () => {
  const w = await world()
  await w.write(w.topics.single, ['a', 'b', 'c'].map((id) => ({ id, text: '' })))
  const first = startCounting(w)
  await first.loop.start()
  await eventually(() => assert.equal(first.stats.written, 3))
  await first.loop.stop()
  await w.write(w.topics.single, ['b', 'd'].map((id) => ({ id, text: '' })))
  const second = startCounting(w)
  await second.loop.start()
  await eventually(() => assert.equal(second.stats.written, 2))
  await second.loop.stop()
  const answers = (await readAll(w.codec, w.topics.counted)).map(({ note }) => `${note.id}${note.text}`).sort()
  assert.deepEqual(answers, ['a1', 'b2', 'b2', 'c3', 'd4'])
  const [position] = await committedPositions(connection.admin, w.group, [{ topic: w.topics.single.name, partition: 0 }])
  assert.equal(position!.offset, 5)
  await w.outbox.close()
})

test('the broker refuses the transaction of an owner that was replaced', { timeout: 60_000 }, async () => {
  const w = await world()
  const id = { topic: w.topics.single.name, partition: 0 }
  const broker = new KafkaTaskBroker(connection, { groupId: w.group, changelog: w.topics.kept.name }, systemClock, log)
  const takeOverNow = () => takeOver({ id, broker, changelog: w.topics.kept.name, base: { changelogNext: 0, position: 0 }, restore: () => {}, clock: systemClock, signal: AbortSignal.timeout(30_000) })
  const [stale, current] = [await takeOverNow(), await takeOverNow()]
  const records = [encodeRecord(w.codec, w.topics.counted({ id: 'a', text: '1' }), 7, {})]
  const commitBy = ({ producer }: TakenOver) => commitTransaction({ producer, records, position: { ...id, offset: 1 }, holds: () => true, clock: systemClock })
  await assert.rejects(commitBy(stale), { name: 'RetryLater', code: 'task.fenced' })
  const written = await commitBy(current)
  // Just after a commit the end offset may still leave the transaction out.
  await eventually(async () => {
    const end = (await endOffsets(connection.admin, written)).get(partitionKey(written[0]!))
    assert.deepEqual(written.map(({ offset }) => offset + 1), [end], 'the offset after what was written; the commit marker takes one more')
  })
  await Promise.all([stale.producer.close(), current.producer.close()])
  assert.equal((await readAll(w.codec, w.topics.counted)).length, 1)
  await w.outbox.close()
})

test('sending to a topic that does not exist halts with the command that makes it', { timeout: 60_000 }, async () => {
  const w = await world()
  const missing = { topic: `missing-${w.suffix}`, partition: 0, key: Buffer.from('k'), value: Buffer.from('v'), headers: {}, timestampMs: 0 }
  await assert.rejects(w.outbox.send([missing]), { name: 'Halt', code: 'kafka.refused', remedy: 'Run `sluice topics apply`.' })
  await w.write(w.topics.taken, [{ id: 'a', text: 'x' }])
  await w.outbox.close()
})
