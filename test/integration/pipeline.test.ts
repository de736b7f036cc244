/** The pipeline as a whole, on a real Kafka, registry and Postgres. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { v7 as uuidv7 } from 'uuid'
import { AssetFailedError } from '#client'
import { openCodec, type Codec } from '#runtime/avro/codec.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import { systemClock } from '#runtime/clock.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import type { OutgoingRecord } from '#runtime/loop/ports.ts'
import { encodeRecord } from '#runtime/loop/record-encoder.ts'
import { groupOf } from '#runtime/run-stage.ts'
import { assetStored, assetSubmitted } from '#topics'
import { topology } from '#topology'
import { bomb, jpeg, photo, png, sound, video, withDescription } from '#test/support/media.ts'
import { eventually } from '#test/support/eventually.ts'
import { onServer } from '#test/support/database.ts'
import { openPipeline, type Pipeline } from '#test/support/pipeline.ts'
import { sizeOfTopic } from '#test/support/read-topic.ts'

let pipeline: Pipeline
let codec: Codec
let outbox: KafkaOutbox

before(async () => {
  pipeline = await openPipeline()
  await mkdir(pipeline.mediaDir, { recursive: true })
  codec = await openCodec(connectRegistry(pipeline.config.registryUrl), [assetSubmitted, assetStored])
  outbox = new KafkaOutbox(pipeline.connection.kafka, systemClock, pipeline.log)
  await pipeline.start().started
}, { timeout: 120_000 })
after(async () => {
  await outbox?.close()
  await pipeline?.close()
}, { timeout: 60_000 })

/** Submits bytes and waits for the row. */
async function store(bytes: Buffer, more: object = {}) {
  const id = await pipeline.producer.submit({ bytes, ...more })
  const stored = await pipeline.producer.waitUntilStored(id, { timeoutMs: 60_000 })
  return { id, stored, asset: (await pipeline.catalogue.asset(id)).asset! }
}

/** Submits and waits for the failure's code. */
async function codeOf(submission: Parameters<Pipeline['producer']['submit']>[0]): Promise<string> {
  return failureOf(await pipeline.producer.submit(submission))
}

/** As `codeOf`, for an event that our own client would refuse to make. */
async function codeOfEvent(submission: object): Promise<string> {
  const id = uuidv7()
  await outbox.send([encodeRecord(codec, assetSubmitted({ assetId: id, submission: { ...emptySubmission(), ...submission } }), systemClock.now(), {})])
  return failureOf(id)
}

async function failureOf(id: string): Promise<string> {
  const failure = await pipeline.producer.waitUntilStored(id, { timeoutMs: 60_000 }).then(() => undefined, (error: unknown) => error)
  assert.ok(failure instanceof AssetFailedError, `${id} was stored`)
  const [row] = (await pipeline.catalogue.asset(id)).failures
  assert.equal(row!.code, failure.code)
  assert.ok(row!.reason.length > 10)
  return failure.code
}

test('a picture, a video and a sound each become one row with everything that was learned', { timeout: 90_000 }, async () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const picture = await store(await jpeg({ width: 800, height: 600, seed: 11 }), {
    tags: ['  Sunset  ', { name: 'SEA', confidence: 0.25 }], sourceId: 'p-1', attributes: { album: 'one' }, nsfw: false,
    traceparent: `00-${traceId}-b7ad6b7169203331-01`,
  })
  assert.deepEqual([picture.asset.kind, picture.asset.width, picture.asset.height, picture.asset.relation], ['image', 800, 600, 'original'])
  assert.deepEqual(picture.asset.tags.map(({ name }) => name), ['sunset', 'sea'])
  assert.deepEqual([picture.asset.traceId, picture.asset.sourceId, picture.asset.nsfw], [traceId, 'p-1', false])
  assert.equal(picture.asset.attributes['album'], 'one')
  assert.match(picture.asset.pdq!, /^[0-9a-f]{64}$/)

  const film = await store(await video({ seconds: 3, seed: 12 }))
  assert.equal(film.asset.kind, 'video')
  assert.ok(Math.abs(film.asset.durationSeconds! - 3) < 0.1, `${film.asset.durationSeconds}`)
  const frames = await onServer<{ pts: string }>(pipeline.config.databaseUrl, 'select pts_micros::text as pts from asset_frame where asset_id = $1 order by frame', [film.id])
  // One key frame a second at 25 frames a second, on the frame's own time.
  assert.deepEqual(frames.map(({ pts }) => Number(pts)), [0, 1_000_000, 2_000_000])

  const piece = await store(await sound({ seconds: 6, seed: 13 }))
  assert.deepEqual([piece.asset.kind, piece.asset.cluster, piece.asset.model], ['audio', null, null])
  assert.ok(Math.abs(piece.asset.durationSeconds! - 6) < 0.1)
})

test('copies are recognised by what makes them copies, and share their original\'s vector and cluster', { timeout: 90_000 }, async () => {
  const picture = await photo(21)
  const original = await store(picture)
  const again = await store(picture)
  const described = await store(withDescription(picture, 'another comment'))
  const smaller = await store(await png({ width: 320, height: 240, seed: 22 }))
  assert.equal(original.asset.relation, 'original')
  assert.deepEqual([again.asset.relation, again.asset.canonicalId], ['same-bytes', original.id])
  assert.deepEqual([described.asset.relation, described.asset.canonicalId], ['same-picture', original.id])
  assert.equal(smaller.asset.relation, 'original', 'another picture is no copy')
  assert.deepEqual([again.asset.cluster, described.asset.cluster], [original.asset.cluster, original.asset.cluster])
  const vectors = await onServer<{ n: string }>(pipeline.config.databaseUrl, 'select count(distinct embedding::text)::text as n from asset where id = any($1)', [[original.id, again.id, described.id]])
  assert.equal(vectors[0]!.n, '1')
  const [nearest] = await pipeline.catalogue.similar({ id: original.id, k: 1 })
  assert.ok([again.id, described.id].includes(nearest!.id))
})

test('every kind of bad input ends as a dead letter and a failure with its own code, and stops nobody', { timeout: 120_000 }, async () => {
  const { producer, mediaDir } = pipeline
  const picture = await photo(31)
  await writeFile(join(mediaDir, 'empty.jpg'), '')
  await writeFile(join(mediaDir, 'wrong-extension.mp4'), picture)
  const good = await producer.submit({ path: join(mediaDir, 'wrong-extension.mp4'), byPath: true })
  const codes = await Promise.all([
    codeOfEvent({ uri: 'gopher://example.org/1' }),
    codeOfEvent({ uri: `file://${mediaDir}/empty.jpg` }),
    codeOf({ bytes: await bomb(10_000) }),
    codeOf({ bytes: picture.subarray(0, picture.length >> 1) }),
    codeOf({ bytes: Buffer.from('<!DOCTYPE html><html><body>not found</body></html>') }),
    codeOf({ uri: `file://${mediaDir}/missing.jpg` }),
    codeOf({ uri: 'file:///etc/hostname' }),
    codeOfEvent({ uri: `file://${mediaDir}/wrong-extension.mp4`, sha256: Buffer.alloc(32) }),
    codeOf({ uri: 'http://169.254.169.254/latest/meta-data' }),
  ])
  assert.deepEqual(codes, [
    'download.unknown-scheme', 'download.empty', 'normalize.too-many-pixels', 'normalize.truncated', 'download.html',
    'download.file-not-found', 'download.file-not-allowed', 'download.wrong-hash', 'download.address-blocked',
  ])
  assert.equal((await producer.waitUntilStored(good)).assetId, good)
})

test('records that are no events of ours are dead-lettered with their original bytes', { timeout: 60_000 }, async () => {
  const { producer } = pipeline
  const id = '01900000-0000-7000-8000-00000000dead'
  const foreign = encodeRecord(codec, assetStored({ assetId: id, relation: 'original', of: null, cluster: null }), systemClock.now(), {})
  const raw = (over: Partial<OutgoingRecord>): OutgoingRecord => ({ topic: assetSubmitted.name, partition: 0, key: Buffer.from(id), value: Buffer.from('x'), headers: {}, timestampMs: systemClock.now(), ...over })
  const before = (await pipeline.catalogue.failures({ limit: 1_000 })).length
  await outbox.send([
    raw({ value: foreign.value }),
    raw({ value: Buffer.from('{"json": true}') }),
    raw({ value: null }),
    raw({ key: null, value: encodeRecord(codec, assetSubmitted({ assetId: id, submission: emptySubmission() }), 0, {}).value }),
  ])
  await eventually(async () => assert.equal((await pipeline.catalogue.failures({ limit: 1_000 })).length, before + 4))
  const codes = (await pipeline.catalogue.failures({ limit: 4 })).map(({ code }) => code).sort()
  assert.deepEqual(codes, ['record.bad-magic', 'record.incompatible-schema', 'record.no-key', 'record.no-value'])
  const next = await producer.submit({ bytes: await photo(41) })
  await producer.waitUntilStored(next)
})

test('each stage is a consumer group of its own', { timeout: 30_000 }, async () => {
  const { groups } = await pipeline.connection.admin.listGroups()
  const ours = groups.map(({ groupId }) => groupId)
  for (const stage of topology.stages) assert.ok(ours.includes(groupOf(pipeline.config, stage)), stage.name)
})

test('nothing is lost: what was submitted is stored or failed', { timeout: 30_000 }, async () => {
  const submitted = await sizeOfTopic(pipeline.connection, assetSubmitted.name)
  await eventually(async () => {
    const { assets, failures } = await pipeline.catalogue.counts()
    assert.equal(assets + failures.reduce((sum, { count }) => sum + count, 0), submitted)
  })
})

function emptySubmission() {
  return { source: 'test', sourceId: null, uri: 'x:', sha256: null, tags: [], nsfw: null, attributes: {}, raw: null, submittedAt: 0 }
}
