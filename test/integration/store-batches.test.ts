/** What may share a commit of the stage `store`: records of several schemas, partitions and stages. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openCodec, subjectOf } from '#runtime/avro/codec.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import { defineTopic, type Topic } from '#runtime/define/topic.ts'
import { deadLetterRecord, deadLetterTopic } from '#runtime/loop/dead-letter.ts'
import type { AssetClustered } from '#schemas'
import { assetId, clusteredAsset } from '#test/support/clustered-assets.ts'
import { onServer } from '#test/support/database.ts'
import { eventually } from '#test/support/eventually.ts'
import { openPipeline, type Pipeline } from '#test/support/pipeline.ts'
import { topology } from '#topology'
import { assetClustered } from '#topics'

let pipeline: Pipeline
// With this profile nothing is committed before the stage is stopped: a minute and 20,000 rows are far away.
before(async () => { pipeline = await openPipeline({ SLUICE_SINK_PROFILE: 'raid5' }) }, { timeout: 90_000 })
after(() => pipeline?.close(), { timeout: 60_000 })

interface Field { name: string; type: unknown; default?: unknown }

/** The topic as a later release may have it: by a field more, of which this one knows nothing. */
function evolved(topic: Topic<AssetClustered>): Topic<AssetClustered> {
  const schema = topic.schema as { fields: Field[] }
  return defineTopic<AssetClustered>({ ...topic, schema: { ...schema, fields: [{ name: 'remark', type: 'string', default: '' }, ...schema.fields] } })
}

/** Numbers 0 to 59 over all partitions, the odd ones by the later schema. */
async function encodeAssets(): Promise<{ key: string; value: Buffer; partition: number }[]> {
  const registry = connectRegistry(pipeline.config.registryUrl)
  const later = evolved(assetClustered)
  await registry.register(subjectOf(later), later.schema)
  const [ours, theirs] = await Promise.all([openCodec(registry, [assetClustered]), openCodec(registry, [later])])
  return Array.from({ length: 60 }, (_, n) => {
    const asset = clusteredAsset(n)
    const value = n % 2 === 0 ? ours.encode(assetClustered, asset) : theirs.encode(later, { ...asset, remark: 'later' } as AssetClustered)
    return { key: asset.assetId, value, partition: Math.floor(n / 2) % assetClustered.partitions }
  })
}

/** One for each of the other stages. */
function deadLetters() {
  return topology.stages.filter(({ name }) => name !== 'store').map(({ name }, n) => deadLetterRecord(
    { topic: 'asset.submitted', partition: 3, offset: 100 + n, key: Buffer.from(assetId(900 + n)), value: Buffer.from('what it was'), headers: new Map(), timestampMs: 1_700_000_000_000, size: 0 },
    { stage: name, code: `${name}.odd`, reason: 'It is odd.', attempts: 1, firstFailedAtMs: 1_700_000_000_000 }, 0))
}

async function put(): Promise<number> {
  const assets = await encodeAssets()
  // The schema id follows a zero byte.
  assert.equal(new Set(assets.map(({ value }) => value.readUInt32BE(1))).size, 2)
  const letters = deadLetters()
  const producer = pipeline.connection.kafka.producer()
  await producer.connect()
  await producer.sendBatch({
    topicMessages: [
      { topic: assetClustered.name, messages: assets },
      ...letters.map(({ topic, key, value, headers, timestampMs }) => ({ topic, messages: [{ key, value, headers, timestamp: String(timestampMs) }] })),
    ],
  })
  await producer.disconnect()
  return assets.length + letters.length
}

test('records of two schema versions, of all partitions, and the dead letters of every stage are stored in one commit', { timeout: 90_000 }, async () => {
  const records = await put()
  const store = pipeline.start('store')
  await store.started
  await eventually(() => assert.equal(store.report().stages['store']!.waiting, records), 60_000)
  assert.deepEqual(await onServer(pipeline.config.databaseUrl, 'select id from asset'), [])
  await store.stop()
  const rows = await onServer<{ id: string; bytes: number }>(pipeline.config.databaseUrl, 'select id::text, bytes::int from asset order by id')
  // The asset's number is in its size.
  assert.deepEqual(rows.map((row) => ({ ...row })), Array.from({ length: 60 }, (_, n) => ({ id: assetId(n), bytes: 100_000 + n })))
  const failures = await onServer<{ stage: string; code: string; topic: string; offset: number }>(pipeline.config.databaseUrl, 'select stage, code, topic, "offset"::int from asset_failure order by "offset"')
  assert.deepEqual(failures.map((row) => ({ ...row })), topology.stages.filter(({ name }) => name !== 'store').map(({ name }, n) => (
    { stage: name, code: `${name}.odd`, topic: 'asset.submitted', offset: 100 + n })))
  const [commits] = await onServer<{ commits: number }>(pipeline.config.databaseUrl, `
    select count(distinct at)::int as commits from (select stored_at as at from asset union all select failed_at from asset_failure) as stored`)
  assert.equal(commits!.commits, 1)
  const [progress] = await onServer<{ records: number }>(pipeline.config.databaseUrl, 'select sum(next_offset)::int as records from sink_progress where topic = any($1)', [
    [assetClustered.name, ...topology.stages.map(({ name }) => deadLetterTopic(name))],
  ])
  assert.equal(progress!.records, records)
})
