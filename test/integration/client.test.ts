/** The client on a real broker and registry; the pipeline's announcements are made by the test. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { v7 as uuidv7 } from 'uuid'
import { AssetFailedError, createProducer, WaitTimeoutError, type Producer } from '#client'
import { Outcomes } from '#client/outcomes.ts'
import { TopicReader } from '#client/topic-reader.ts'
import { connectTopics } from '#cli/topics.ts'
import { openCodec, type Codec } from '#runtime/avro/codec.ts'
import { connectCompatibility } from '#runtime/avro/compatibility.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import { systemClock } from '#runtime/clock.ts'
import { loadConfig, type Config } from '#runtime/config.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import { nextRecordTimes, partitionLags } from '#runtime/kafka/stage-lag.ts'
import { applyTopics } from '#runtime/kafka/topic-apply.ts'
import { planTopics } from '#runtime/kafka/topic-plan.ts'
import { createLog } from '#runtime/log.ts'
import { encodeRecord } from '#runtime/loop/record-encoder.ts'
import { assetFailed, assetStored, assetSubmitted } from '#topics'
import type { AssetSubmitted } from '#schemas'
import { topology } from '#topology'
import { startStack, type Stack } from '#stack/stack.ts'

const log = createLog('test', 'silent')
const dir = mkdtempSync(join(tmpdir(), 'sluice-client-'))
let stack: Stack
let config: Config
let connection: KafkaConnection
let codec: Codec
let outbox: KafkaOutbox
let producer: Producer

const connect = (options: { deliveryTimeoutMs?: number } = {}): Promise<Producer> => createProducer({
  brokers: config.kafkaBrokers, registry: config.registryUrl, source: 'test', blobsDir: join(dir, 'blobs'), log, ...options,
})

before(async () => {
  // Always its own: the topics have one name each.
  stack = await startStack({ dir: join(dir, 'stack'), parts: ['kafka', 'registry'], env: {} })
  config = loadConfig(stack.env())
  connection = await connectKafka({ brokers: config.kafkaBrokers, clientId: 'test' }, log)
  const surroundings = connectTopics(config, connection)
  await applyTopics(await planTopics(topology, surroundings), surroundings)
  codec = await openCodec(connectRegistry(config.registryUrl), [assetSubmitted, assetStored, assetFailed])
  outbox = new KafkaOutbox(connection.kafka, systemClock, log)
  producer = await connect()
})

after(async () => {
  await producer?.close()
  await outbox?.close()
  await connection?.close()
  await stack?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const announceStored = (assetId: string, timestampMs = systemClock.now()): Promise<void> => (
  outbox.send([encodeRecord(codec, assetStored({ assetId, relation: 'original', of: null, cluster: 7 }), timestampMs, {})])
)

/** Everything on asset.submitted from a time on, until `count` records were seen. */
async function submittedSince(fromMs: number, count: number): Promise<AssetSubmitted[]> {
  const seen: AssetSubmitted[] = []
  const complete = Promise.withResolvers<void>()
  const reader = await TopicReader.open(connection, {
    topics: [assetSubmitted.name], fromMs, onFailed: complete.reject,
    onRecord: async ({ value }) => {
      seen.push(await codec.decode(assetSubmitted, value))
      if (seen.length >= count) complete.resolve()
    },
  })
  await complete.promise.finally(() => reader.close())
  return seen
}

test('a second plan after an apply is empty, and the registry is proved to refuse what breaks readers', async () => {
  const surroundings = connectTopics(config, connection)
  assert.deepEqual((await planTopics(topology, surroundings)).changes, [])
  await connectCompatibility(config.registryUrl).proveEnforced()
})

test('a schema that old records cannot be read with is refused before anything is changed', async () => {
  const surroundings = connectTopics(config, connection)
  const broken = topology.topics.map((plan) => (plan.name !== assetStored.name ? plan : {
    ...plan, schema: { ...assetStored.schema, fields: [...(assetStored.schema as { fields: object[] }).fields, { name: 'shelf', type: 'string' }] },
  }))
  const plan = await planTopics({ ...topology, topics: broken }, surroundings)
  assert.deepEqual(plan.changes.map(({ kind, name, refused }) => [kind, name, refused !== undefined]), [['register-schema', 'asset.stored-value', true]])
  await assert.rejects(applyTopics(plan, surroundings, { force: true }), { code: 'topics.refused' })
})

test('a submission is on the topic, whole, when submit resolves', async () => {
  const fromMs = systemClock.now()
  const id = await producer.submit({ uri: 'https://example.org/a.jpg', sourceId: 'a-1', tags: ['cat'], attributes: { shelf: '7' }, raw: '{"a":1}', submittedAtMs: fromMs })
  const [event] = await submittedSince(fromMs, 1)
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) // without the classes that the decoder makes
  assert.deepEqual(plain(event), plain({
    assetId: id,
    submission: {
      source: 'test', sourceId: 'a-1', uri: 'https://example.org/a.jpg', sha256: null, tags: [{ name: 'cat', confidence: 1 }], nsfw: null,
      attributes: { shelf: '7' }, raw: Buffer.from('{"a":1}'), submittedAt: fromMs,
    },
  }))
})

test('every one of many concurrent submissions arrives once, with an id of its own', async () => {
  const fromMs = systemClock.now() + 1
  await systemClock.sleep(2) // so that only these are at or after fromMs
  const ids: string[] = []
  for await (const id of producer.submitAll(Array.from({ length: 3_000 }, (_, n) => ({ uri: `https://example.org/${n}` })))) ids.push(id)
  const events = await submittedSince(fromMs, 3_000)
  assert.deepEqual(events.map(({ assetId }) => assetId).sort(), [...ids].sort())
  assert.equal(new Set(events.map(({ submission }) => submission.uri)).size, 3_000)
})

test('an outcome is heard whether it comes before or after somebody waits for it', async () => {
  const [early, late] = await Promise.all(['early', 'late'].map((name) => producer.submit({ uri: `https://example.org/${name}` })))
  await announceStored(early!)
  assert.equal((await producer.waitUntilStored(early!)).cluster, 7)
  const waiting = producer.waitUntilStored(late!)
  await announceStored(late!)
  assert.equal((await waiting).assetId, late)
})

test('a failure rejects with its stage, code and reason', async () => {
  const assetId = await producer.submit({ uri: 'https://example.org/gone.jpg' })
  // Awaited from the start: the failure may be heard before its sending is acknowledged here.
  const rejected = assert.rejects(producer.waitUntilStored(assetId), (error) => (
    error instanceof AssetFailedError && error.stage === 'download' && error.code === 'download.gone' && error.reason === 'It is gone.'
  ))
  await outbox.send([encodeRecord(codec, assetFailed({ assetId, stage: 'download', code: 'download.gone', reason: 'It is gone.' }), systemClock.now(), {})])
  await rejected
})

test('an asset of another producer, submitted long before this one was connected, can be waited for', async () => {
  const bornMs = systemClock.now() - 3_600_000
  const assetId = uuidv7({ msecs: bornMs })
  await producer.waitUntilStored(await storedNow()) // the reader stands at the present
  await announceStored(assetId, bornMs + 500)
  const other = await connect()
  try {
    assert.equal((await other.waitUntilStored(assetId)).assetId, assetId)
    assert.equal((await producer.waitUntilStored(assetId)).assetId, assetId)
  } finally {
    await other.close()
  }
})

async function storedNow(): Promise<string> {
  const id = await producer.submit({ uri: 'https://example.org/now' })
  await announceStored(id)
  return id
}

test('outcomes that memory had no room for are read again', async () => {
  const outcomes = new Outcomes(connection, codec, systemClock, log, 2)
  const ids = Array.from({ length: 5 }, () => uuidv7())
  for (const id of ids) await announceStored(id)
  try {
    for (const id of [...ids, ...ids.toReversed()]) assert.equal((await outcomes.of(id, systemClock.now() - 1_000, 20_000)).assetId, id)
  } finally {
    await outcomes.close()
  }
})

test('waiting for what never comes ends in time, and closing ends every wait', async () => {
  const other = await connect()
  await assert.rejects(other.waitUntilStored(uuidv7(), { timeoutMs: 50 }), WaitTimeoutError)
  const waiting = assert.rejects(other.waitUntilStored(uuidv7(), { timeoutMs: 60_000 }), /closed/)
  await other.close()
  await waiting
  await assert.rejects(other.submit({ uri: 'https://example.org/' }), /closed/)
  const groups = (await connection.admin.listGroups()).groups.map(({ groupId }) => groupId)
  assert.deepEqual(groups.filter((name) => name.startsWith('sluice-reader')).length, 1, 'only the reader of the producer that is still open is left')
})

test('a lag is told in records with the event time of the next one, from outside', async () => {
  const bornMs = systemClock.now() - 30_000
  await producer.submit({ uri: 'https://example.org/old', assetId: uuidv7({ msecs: bornMs }), submittedAtMs: bornMs })
  const lags = await partitionLags(connection, 'nobody.download', [assetSubmitted.name])
  assert.equal(lags.length, 6)
  const behind = lags.map((lag) => ({ ...lag, next: Math.max(0, lag.end - 1) })).filter(({ end }) => end > 0)
  const times = await nextRecordTimes(connection, behind, 10_000)
  assert.ok([...times.values()].includes(bornMs))
})

test('while the broker is away a submission waits, and arrives when the broker is back', async () => {
  const fromMs = systemClock.now() + 1
  await stack.kill('kafka', 'SIGKILL')
  const submitting = producer.submit({ uri: 'https://example.org/patient.jpg', submittedAtMs: fromMs })
  await stack.restart('kafka')
  const id = await submitting
  const events = await submittedSince(fromMs, 1)
  assert.ok(events.some(({ assetId }) => assetId === id))
})
