/** A stateful stage that is restarted on a real broker, with a local snapshot of its state. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openCodec, type Codec } from '#runtime/avro/codec.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import { jsonPart, type SnapshotParts } from '#runtime/api.ts'
import { systemClock } from '#runtime/clock.ts'
import type { StatefulProcessor } from '#runtime/define/processor.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import { KafkaSource } from '#runtime/kafka/source.ts'
import { KafkaTaskBroker } from '#runtime/kafka/task-broker.ts'
import { topicId } from '#runtime/kafka/topic-id.ts'
import { createLog } from '#runtime/log.ts'
import { encodeRecord } from '#runtime/loop/record-encoder.ts'
import { emptyStats } from '#runtime/loop/stage-stats.ts'
import { StatefulLoop } from '#runtime/loop/stateful-loop.ts'
import { Snapshots } from '#runtime/state/snapshots.ts'
import { passTraceOn } from '#runtime/telemetry/tracing.ts'
import { eventually } from '#test/support/eventually.ts'
import { readTopic } from '#test/support/read-topic.ts'
import { countKept, counting, noteCounted, noteTaken, type Note } from '#test/support/sample-stage.ts'
import { stackFor } from '#test/support/stack.ts'

const log = createLog('test', 'silent')
const GROUP = 'test.count'
const TOPICS = [noteTaken, noteCounted, countKept]
const dir = mkdtempSync(join(tmpdir(), 'sluice-state-'))
let connection: KafkaConnection
let codec: Codec
let outbox: KafkaOutbox

after(async () => {
  await outbox?.close()
  await connection?.close()
  rmSync(dir, { recursive: true, force: true })
})
const { kafkaBrokers, registryUrl } = await stackFor(['kafka', 'registry'], { own: true })
const brokers = kafkaBrokers.split(',')
before(async () => {
  connection = await connectKafka({ brokers, clientId: 'test' }, log)
  await connection.admin.createTopics({ topics: TOPICS.map(({ name, partitions }) => ({ topic: name, numPartitions: partitions, replicationFactor: 1 })) })
  const registry = connectRegistry(registryUrl)
  for (const topic of TOPICS) await registry.register(`${topic.name}-value`, topic.schema)
  codec = await openCodec(registry, TOPICS)
  outbox = new KafkaOutbox(connection.kafka, systemClock, log)
})

type Counts = ReturnType<typeof counting.state.open>

/** The sample stage with a snapshot, and how many changelog entries its states were given. */
function countingWithSnapshot() {
  const seen = { applied: 0 }
  const open = (): Counts => {
    const state = counting.state.open()
    const apply = state.apply.bind(state)
    return Object.assign(state, { apply: (entry: Note) => { seen.applied += 1; apply(entry) } })
  }
  const snapshot = {
    layout: 1,
    partsOf: (state: Counts) => [jsonPart({ total: state.total, byId: [...state.byId] })],
    async restore(parts: SnapshotParts) {
      const { total, byId } = (await parts.json()) as { total: number; byId: [string, number][] }
      const state = Object.assign(open(), { total })
      for (const [id, number] of byId) state.byId.set(id, number)
      return state
    },
  }
  return { seen, processor: { ...counting, state: { ...counting.state, open, snapshot } } as unknown as StatefulProcessor }
}

/** Runs the stage until it has written so many notes, and stops it. */
async function run(written: number): Promise<{ applied: number }> {
  const { seen, processor } = countingWithSnapshot()
  const stats = emptyStats()
  const loop = new StatefulLoop({
    processor, codec, services: {}, clock: systemClock, log, tracing: passTraceOn, stats,
    source: new KafkaSource(connection, { groupId: GROUP, topics: [noteTaken.name], sessionTimeoutMs: 6_000 }, log),
    broker: new KafkaTaskBroker(connection, { groupId: GROUP, changelog: countKept.name }, systemClock, log),
    snapshots: new Snapshots({ dir, groupId: GROUP, processor, everyOffsets: 40, changelogId: () => topicId(brokers, countKept.name), clock: systemClock, log }),
  })
  await loop.start()
  await eventually(() => assert.equal(stats.written, written))
  await loop.stop()
  return seen
}

function take(from: number, to: number): Promise<void> {
  const notes = Array.from({ length: to - from }, (_, at) => ({ id: `note ${from + at}`, text: '' }))
  return outbox.send(notes.map((note) => encodeRecord(codec, noteTaken(note), 7, {})))
}

/** Each note's number, of all that were ever written about it. */
async function numbers(): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>()
  for (const { value } of await readTopic(connection, noteCounted.name)) {
    const { id, text } = await codec.decode<Note>(noteCounted, value)
    found.set(id, (found.get(id) ?? new Set()).add(text))
  }
  return found
}

const snapshotsOf = () => readdirSync(dir).sort()

test('a restart reads from its snapshots on, gives the answers that it gave before, and counts on', { timeout: 60_000 }, async () => {
  await take(0, 300)
  assert.equal((await run(300)).applied, 300)
  assert.deepEqual(snapshotsOf(), ['test.count.note.taken.0.snapshot', 'test.count.note.taken.1.snapshot'])
  // All of them again, and ten new ones: the new ones are applied once each, and of the old ones only what came after the snapshots.
  await take(0, 310)
  const { applied } = await run(310)
  assert.ok(applied >= 10 && applied < 10 + 2 * 40, `${applied} entries were applied`)
  const found = await numbers()
  assert.equal(found.size, 310)
  for (const [id, texts] of found) assert.equal(texts.size, 1, `${id}: ${[...texts].join(', ')}`)
})

test('a snapshot that was torn costs a whole read, and changes nothing else', { timeout: 60_000 }, async () => {
  for (const name of snapshotsOf()) truncateSync(join(dir, name), 100)
  await take(0, 311)
  assert.equal((await run(311)).applied, 311)
  for (const [id, texts] of await numbers()) assert.equal(texts.size, 1, `${id}: ${[...texts].join(', ')}`)
})

test('a snapshot of a changelog that was deleted and created again is not used', { timeout: 60_000 }, async () => {
  const { processor } = countingWithSnapshot()
  const open = () => new Snapshots({ dir, groupId: GROUP, processor, everyOffsets: 40, changelogId: () => topicId(brokers, countKept.name), clock: systemClock, log })
  assert.notEqual(await open().load(0), undefined)
  await connection.admin.deleteTopics({ topics: [countKept.name] })
  await eventually(async () => {
    await connection.admin.createTopics({ topics: [{ topic: countKept.name, numPartitions: countKept.partitions, replicationFactor: 1 }] })
    await topicId(brokers, countKept.name)
  })
  assert.equal(await open().load(0), undefined)
})
