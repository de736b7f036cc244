/** The sink's store, the migrations and the catalogue on a real Postgres with pgvector. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Client, type Connection, type Submittable } from 'pg'
import { openCatalogue } from '#client/catalogue.ts'
import { toRow } from '#processors/store/asset-row.ts'
import { assetTables, packAsset, type AssetIds, type PackedAsset } from '#processors/store/asset-tables.ts'
import { KINDS, RELATIONS } from '#processors/store/vocabulary.ts'
import { Halt, RetryLater } from '#runtime/errors.ts'
import type { RowOrigin } from '#runtime/api.ts'
import type { Failure, SinkBatch } from '#runtime/loop/ports.ts'
import { SinkFenced } from '#runtime/loop/sink-fenced.ts'
import { ChunkPool, copyIn } from '#runtime/postgres/copy-in.ts'
import { column, onePerRow } from '#runtime/postgres/copy-table.ts'
import { describeSchema } from '#runtime/postgres/describe-schema.ts'
import { migrate } from '#runtime/postgres/migrate.ts'
import { PostgresSinkStore } from '#runtime/postgres/sink-store.ts'
import type { AssetClustered } from '#schemas'
import { assetId, bytesOf, clusteredAsset, clusteredVideo } from '#test/support/clustered-assets.ts'
import { dropDatabases, freshDatabase, onServer } from '#test/support/database.ts'
import { stackFor } from '#test/support/stack.ts'
import { SCHEMA_HEADER } from '../../scripts/dump-schema.ts'

const MIGRATIONS = join(import.meta.dirname, '../../migrations')
const TOPIC = 'asset.clustered'

const stores: PostgresSinkStore<PackedAsset, AssetIds>[] = []
after(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await dropDatabases()
})
// After the hook above: hooks run in the order in which they are registered, and the stack must end last.
const server = (await stackFor(['postgres'])).databaseUrl
let databaseUrl: string

before(async () => {
  databaseUrl = await freshDatabase(server)
  await migrate({ databaseUrl, dir: MIGRATIONS })
})

/** A store that a test shares with nobody: its own partition, since claims fence each other. */
function openStore(options: { lockMs?: number; owner?: string } = {}): PostgresSinkStore<PackedAsset, AssetIds> {
  const store = new PostgresSinkStore({
    sink: 'store', databaseUrl, rows: assetTables(), owner: options.owner ?? `test-${stores.length}`,
    ...(options.lockMs === undefined ? {} : { timeouts: { lockMs: options.lockMs } }),
  })
  stores.push(store)
  return store
}

let partitions = 0
const nextPartition = (): number => (partitions += 1)

function originAt(partition: number, offset: number): RowOrigin {
  return { topic: TOPIC, partition, offset, eventTimeMs: 1_700_000_000_000 + offset, traceId: bytesOf(`trace ${offset}`, 16) }
}

function rowAt(partition: number, offset: number, asset: AssetClustered): PackedAsset {
  return packAsset(toRow(asset, originAt(partition, offset)))
}

function batchOf(partition: number, from: number, rows: PackedAsset[], failures: Failure[] = []): SinkBatch<PackedAsset> {
  return { rows, originOf: (index) => originAt(partition, from + index), failures, progress: [{ topic: TOPIC, partition, from, to: from + rows.length + failures.length }] }
}

/** Half precision, little-endian: halfvec takes neither. */
const [NAN, INFINITY] = [0x7e00, 0x7c00]

/** With a vector that begins with this number. */
function withNumber({ embedding, ...asset }: AssetClustered, number: number): AssetClustered {
  const vector = Buffer.from(embedding!.vector)
  vector.writeUInt16LE(number)
  return { ...asset, embedding: { ...embedding!, vector } }
}

/** Numbers from `first` are taken by one test only. */
function assets(partition: number, first: number, count: number): PackedAsset[] {
  return Array.from({ length: count }, (_, at) => rowAt(partition, at, clusteredAsset(first + at)))
}

const countOf = async (rows: PackedAsset[]): Promise<number> =>
  Number((await onServer<{ count: string }>(databaseUrl, 'select count(*) from asset where id = any($1)', [rows.map(({ id }) => id)]))[0]!.count)

test('twenty processes that migrate at once apply every migration once', async () => {
  const url = await freshDatabase(server)
  const applied = await Promise.all(Array.from({ length: 20 }, () => migrate({ databaseUrl: url, dir: MIGRATIONS })))
  assert.deepEqual(applied.flat().sort(), ['0001-assets.sql', '0002-failures-and-progress.sql', '0003-views.sql', '0004-segments.sql', '0005-lookups.sql'])
})

test('a migration that was edited after it was applied is refused', async () => {
  const url = await freshDatabase(server)
  await migrate({ databaseUrl: url, dir: MIGRATIONS })
  await onServer(url, "update schema_migration set sha256 = sha256(sha256) where number = 2")
  await assert.rejects(migrate({ databaseUrl: url, dir: MIGRATIONS }), { name: 'Halt', code: 'migrate.edited' })
})

test('migrations make the same tables in a schema of their own', async () => {
  const url = await freshDatabase(server)
  await migrate({ databaseUrl: url, dir: MIGRATIONS, schema: 'shadow' })
  const tables = await onServer<{ schemaname: string }>(url, "select distinct schemaname from pg_tables where tablename in ('asset', 'asset_open', 'sink_progress', 'schema_migration')")
  assert.deepEqual(tables, [{ schemaname: 'shadow' }])
})

test('schema.sql is what the migrations add up to', async (t) => {
  const url = await freshDatabase(server)
  await migrate({ databaseUrl: url, dir: MIGRATIONS })
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows: [version] } = await client.query<{ major: number }>("select current_setting('server_version_num')::int / 10000 as major")
  const described = await describeSchema((text, values = []) => client.query(text, values))
  await client.end()
  if (version!.major !== 18) return t.skip('the dump is of Postgres 18')
  assert.equal(readFileSync(join(MIGRATIONS, 'schema.sql'), 'utf8'), SCHEMA_HEADER + described)
})

test('every type comes back from Postgres as it was sent, and NULL as NULL', async () => {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('create temp table sample (a uuid, b uuid, c int2, d int4, e int8, f bool, g float4, h bytea, i text, j timestamptz, k halfvec(3), l text[])')
  const value = {
    a: '018bcfe5-6800-7abc-8def-0123456789ab', b: Buffer.from('00112233445566778899aabbccddeeff', 'hex'), c: -2, d: -70_000, e: -9_007_199_254_740_991,
    f: true, g: 0.5, h: Buffer.from([0, 255, 10]), i: 'naïve 🙂', j: Date.UTC(1999, 11, 31, 23, 59, 59, 250),
    // 1, -2 and 0.5 in half precision, little-endian.
    k: Buffer.from([0x00, 0x3c, 0x00, 0xc0, 0x00, 0x38]), l: ['key', 'wert "1"', ''],
  }
  type Sample = { [K in keyof typeof value]: (typeof value)[K] | null }
  const table = onePerRow<Sample, null>('sample', [
    column('a', 'uuid', (row) => row.a), column('b', 'uuidBytes', (row) => row.b), column('c', 'int2', (row) => row.c), column('d', 'int4', (row) => row.d),
    column('e', 'int8', (row) => row.e), column('f', 'bool', (row) => row.f), column('g', 'float4', (row) => row.g), column('h', 'bytea', (row) => row.h),
    column('i', 'text', (row) => row.i), column('j', 'timestamptz', (row) => row.j), column('k', 'halfvec', (row) => row.k), column('l', 'text[]', (row) => row.l),
  ])
  const empty = Object.fromEntries(Object.keys(value).map((name) => [name, null])) as unknown as Sample
  assert.equal(await copyIn(client, table, [value, empty], null, new ChunkPool()), 2)
  const { rows } = await client.query('select a, b, c, d, e, f, g, h, i, j, k::text, l from sample')
  await client.end()
  assert.deepEqual({ ...rows[0] }, {
    a: value.a, b: '00112233-4455-6677-8899-aabbccddeeff', c: -2, d: -70_000, e: '-9007199254740991', f: true, g: 0.5, h: value.h, i: value.i,
    j: new Date(value.j), k: '[1,-2,0.5]', l: value.l,
  })
  assert.deepEqual({ ...rows[1] }, { ...empty })
})

test('the usual row takes a sixth of a page, and its vector stays in it', async () => {
  const partition = nextPartition()
  const url = await freshDatabase(server)
  await migrate({ databaseUrl: url, dir: MIGRATIONS })
  const store = new PostgresSinkStore({ sink: 'store', databaseUrl: url, rows: assetTables(), owner: 'pages' })
  await store.claim([{ topic: TOPIC, partition }])
  await store.commit(batchOf(partition, 0, assets(partition, 0, 600)))
  await store.close()
  const [pages] = await onServer(url, 'select count(*)::int as rows, count(distinct (ctid::text::point)[0])::int as pages from asset')
  assert.deepEqual(pages, { rows: 600, pages: 100 })
  const [toast] = await onServer(url, "select pg_relation_size(reltoastrelid)::int as bytes from pg_class where relname = 'asset_open'")
  assert.deepEqual(toast, { bytes: 0 })
})

test('a commit stores rows and progress together, and the next claim begins after them', async () => {
  const store = openStore()
  const partition = nextPartition()
  assert.deepEqual(await store.claim([{ topic: TOPIC, partition }]), [{ topic: TOPIC, partition, offset: 0 }])
  const rows = assets(partition, 10_000, 50)
  assert.deepEqual(await store.commit(batchOf(partition, 0, rows)), { refused: [] })
  assert.equal(await countOf(rows), 50)
  assert.deepEqual(await openStore().claim([{ topic: TOPIC, partition }]), [{ topic: TOPIC, partition, offset: 50 }])
})

test('an owner whose partition was claimed by another writes nothing and is told which', async () => {
  const [first, second] = [openStore(), openStore()]
  const [lost, kept] = [nextPartition(), nextPartition()]
  await first.claim([{ topic: TOPIC, partition: lost }, { topic: TOPIC, partition: kept }])
  await second.claim([{ topic: TOPIC, partition: lost }])
  const rows = [...assets(lost, 11_000, 3), ...assets(kept, 11_100, 3)]
  const progress = [lost, kept].map((partition) => ({ topic: TOPIC, partition, from: 0, to: 3 }))
  const error = await first.commit({ rows, originOf: (index) => originAt(lost, index), failures: [], progress }).then(() => undefined, (reason: unknown) => reason)
  assert.ok(error instanceof SinkFenced)
  assert.deepEqual(error.partitions, [{ topic: TOPIC, partition: lost }])
  assert.equal(await countOf(rows), 0)
})

test('a batch that is committed twice is refused the second time', async () => {
  const store = openStore()
  const partition = nextPartition()
  await store.claim([{ topic: TOPIC, partition }])
  const batch = batchOf(partition, 0, assets(partition, 12_000, 5))
  await store.commit(batch)
  await assert.rejects(store.commit(batch), { name: 'RetryLater', code: 'sink.out-of-step' })
  assert.equal(await countOf(batch.rows), 5)
})

test('an asset that comes again, in one batch and in later ones, stays one row that is not rewritten', async () => {
  const store = openStore()
  const partition = nextPartition()
  await store.claim([{ topic: TOPIC, partition }])
  const [a, b, c, d, e] = assets(partition, 13_000, 5) as [PackedAsset, PackedAsset, PackedAsset, PackedAsset, PackedAsset]
  const place = (): Promise<object[]> => onServer(databaseUrl, 'select ctid::text, xmin::text from asset where id = $1', [a.id])
  await store.commit(batchOf(partition, 0, [a, b, a]))
  const first = await place()
  await store.commit(batchOf(partition, 3, [b, c, a]))
  await store.commit(batchOf(partition, 6, [a, b, c]))
  await store.commit(batchOf(partition, 9, [c, d]))
  await store.commit(batchOf(partition, 11, [e]))
  assert.deepEqual(await place(), first)
  assert.equal(first.length, 1)
  const details = await onServer(databaseUrl, 'select asset_id from asset_detail where asset_id = any($1)', [[a, b, c, d, e].map(({ id }) => id)])
  assert.equal(details.length, 5)
})

test('rows that Postgres refuses become failures, and their neighbours are stored', async () => {
  const store = openStore()
  const partition = nextPartition()
  await store.claim([{ topic: TOPIC, partition }])
  const rows = assets(partition, 14_000, 100)
  rows[17] = rowAt(partition, 17, withNumber(clusteredAsset(14_017), NAN))
  rows[64] = rowAt(partition, 64, withNumber(clusteredAsset(14_064), INFINITY))
  const { refused } = await store.commit(batchOf(partition, 0, rows))
  assert.deepEqual(refused.map(({ index }) => index), [17, 64])
  assert.equal(await countOf(rows), 98)
  const failures = await store.failuresAt([17, 18, 64].map((offset) => ({ topic: TOPIC, partition, offset })))
  assert.deepEqual(failures.map(({ code, key, offset }) => ({ code, key, offset })).sort((x, y) => x.offset - y.offset), [
    { code: 'store.refused-row', key: rows[17]!.id, offset: 17 }, { code: 'store.refused-row', key: rows[64]!.id, offset: 64 },
  ])
  assert.match(failures.find(({ offset }) => offset === 17)!.reason, /NaN not allowed in halfvec/)
})

test('one bad row among 1,024 costs at most twenty copies more', async () => {
  const partition = nextPartition()
  const rows = assets(partition, 20_000, 1_024)
  rows[700] = rowAt(partition, 700, withNumber(clusteredAsset(20_700), NAN))
  const { tables: [asset, ...others], ...rest } = assetTables()
  let copies = 0
  // The columns are read once for each COPY statement.
  const counted = { ...asset, get columns() { copies += 1; return asset.columns } }
  const store = new PostgresSinkStore({ sink: 'store', databaseUrl, owner: 'counting', rows: { ...rest, tables: [counted, ...others] } })
  stores.push(store)
  await store.claim([{ topic: TOPIC, partition }])
  assert.equal((await store.commit(batchOf(partition, 0, rows))).refused.length, 1)
  assert.ok(copies <= 1 + 2 * 10, `${copies} copies for 2^10 rows`)
  assert.equal(await countOf(rows), 1_023)
})

test('the same failure told twice is one row, and its text can never be refused', async () => {
  const store = openStore()
  const partition = nextPartition()
  await store.claim([{ topic: TOPIC, partition }])
  const failure: Failure = {
    stage: 'download', code: 'download.gone', reason: 'gone \0 for ever'.padEnd(5_000, '!'), key: 'no uuid \0', topic: 'asset.submitted', partition: 3, offset: 77,
    attempts: 2, eventTimeMs: Number.NaN, traceId: bytesOf('trace', 16), value: null,
  }
  const known = { ...failure, key: assetId(5), offset: 78, reason: 'gone', eventTimeMs: 1_700_000_000_123 }
  await store.commit(batchOf(partition, 0, [], [failure, known, failure]))
  await store.commit(batchOf(partition, 3, [], [failure]))
  const rows = await onServer<Record<string, unknown>>(databaseUrl, "select asset, code, length(reason) as length, attempts, event_at from failure_view where topic = 'asset.submitted' order by \"offset\"")
  assert.deepEqual(rows.map((row) => ({ ...row })), [
    { asset: 'no uuid \ufffd', code: 'download.gone', length: 500, attempts: 2, event_at: new Date(0) },
    { asset: assetId(5), code: 'download.gone', length: 4, attempts: 2, event_at: new Date(1_700_000_000_123) },
  ])
})

test('stores that meet the same new tags at once agree on their numbers', async () => {
  const several = Array.from({ length: 4 }, () => ({ store: openStore(), partition: nextPartition() }))
  await Promise.all(several.map(async ({ store, partition }, index) => {
    await store.claim([{ topic: TOPIC, partition }])
    const rows = Array.from({ length: 40 }, (_, at) => {
      const asset = clusteredAsset(15_000 + index * 40 + at)
      return rowAt(partition, at, { ...asset, tags: { ...asset.tags, tags: [{ name: `shared-${(at * (index + 1)) % 40}`, confidence: 1, origin: 'claimed' }] } })
    })
    await store.commit(batchOf(partition, 0, rows))
  }))
  const [shared] = await onServer(databaseUrl, "select count(*)::int as tags from tag where name like 'shared-%'")
  assert.deepEqual(shared, { tags: 40 })
  const [wrong] = await onServer(databaseUrl, `
    select count(*)::int as rows from asset_tag t join asset a on a.id = t.asset_id
    where t.name like 'shared-%' and t.name <> 'shared-' || ((a.kafka_offset * (a.kafka_partition - ${several[0]!.partition} + 1)) % 40)`)
  assert.deepEqual(wrong, { rows: 0 })
})

test('an owner that froze in the middle of a COPY is ended by the next claim', async () => {
  const frozen = new Client({ connectionString: databaseUrl, application_name: 'store/frozen' })
  frozen.on('error', () => {})
  const partition = nextPartition()
  await frozen.connect()
  await frozen.query(`insert into sink_progress values ('store', '${TOPIC}', ${partition}, 7, 1, 'store/frozen', pg_backend_pid())`)
  await frozen.query(`begin; update sink_progress set next_offset = 9 where partition = ${partition}`)
  const ended = new Promise((resolve) => frozen.once('end', resolve))
  await new Promise<void>((resolve) => {
    // A COPY that gets no data: no timeout of the server ends it.
    frozen.query({ submit: (connection: Connection) => connection.query('copy tag (name) from stdin'), handleCopyInResponse: resolve, handleError() {} } as Submittable)
  })
  assert.deepEqual(await openStore({ lockMs: 200 }).claim([{ topic: TOPIC, partition }]), [{ topic: TOPIC, partition, offset: 7 }])
  await ended
})

test('a connection that is cut is in doubt, and a new claim tells how far the store is', async () => {
  const store = openStore({ owner: 'cut' })
  const partition = nextPartition()
  await store.claim([{ topic: TOPIC, partition }])
  await onServer(databaseUrl, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'store/cut'")
  const batch = batchOf(partition, 0, assets(partition, 16_000, 4))
  const outcome = await store.commit(batch).then(() => 'committed', (error: unknown) => error)
  const [position] = await store.claim([{ topic: TOPIC, partition }])
  if (outcome === 'committed') assert.equal(position!.offset, 4)
  else {
    assert.ok(outcome instanceof RetryLater)
    assert.equal(position!.offset, 0)
    await store.commit(batch)
  }
  assert.equal(await countOf(batch.rows), 4)
})

test('without its tables the store halts with the command that makes them', async () => {
  const url = await freshDatabase(server)
  const store = new PostgresSinkStore({ sink: 'store', databaseUrl: url, rows: assetTables(), owner: 'early' })
  const error = await store.claim([{ topic: TOPIC, partition: 0 }]).then(() => undefined, (reason: unknown) => reason)
  await store.close()
  assert.ok(error instanceof Halt)
  assert.equal(error.code, 'postgres.schema')
  assert.match(error.remedy, /sluice migrate/)
})

test('the views name kinds and relations as the code does', async () => {
  const names = await onServer(databaseUrl, 'select kind_name(n::smallint) as kind, relation_name(n::smallint) as relation from generate_series(0, 4) n order by n')
  assert.deepEqual(names.map((row) => ({ ...row })), Array.from({ length: 5 }, (_, n) => ({ kind: KINDS[n] ?? null, relation: RELATIONS[n] ?? null })))
})

test('the catalogue tells everything about an asset, its copies, neighbours and failures', async () => {
  const store = openStore()
  const partition = nextPartition()
  await store.claim([{ topic: TOPIC, partition }])
  const weightsSha256 = bytesOf('catalogue weights', 32)
  /** 2-d vectors in half precision, little-endian: (1, 0), (0, 1), (0.5, 0.5). */
  const [east, north, between] = ['003c0000', '0000003c', '00380038'].map((hex) => Buffer.from(hex, 'hex'))
  const withVector = (n: number, vector: Buffer): AssetClustered => ({
    ...clusteredAsset(n), embedding: { model: 'flat', weightsSha256, dimensions: 2, vector, frames: [] }, placement: { cluster: 5, similarity: n === 17_000 ? 1 : 0.5, model: 'flat', founded: false },
  })
  const original = withVector(17_000, east!)
  const copy: AssetClustered = {
    ...withVector(17_001, east!),
    verdict: { relation: 'near-copy', of: original.assetId, distance: 6, evidence: 'pdq 6 of 256', matched: null, timeOffsetMicros: null, canonicalFrames: [] },
  }
  const video: AssetClustered = { ...clusteredVideo(17_004, 3), submission: { ...clusteredAsset(17_004).submission, attributes: { colour: 'red', size: 'L' } } }
  const all = [original, copy, withVector(17_002, north!), withVector(17_003, between!), video]
  const failure: Failure = {
    stage: 'tag', code: 'tag.odd', reason: 'odd', key: original.assetId, topic: 'asset.embedded', partition: 0, offset: 12, attempts: 1, eventTimeMs: 1_700_000_000_000, traceId: null, value: null,
  }
  await store.commit(batchOf(partition, 0, all.map((asset, offset) => rowAt(partition, offset, asset)), [failure]))
  const catalogue = openCatalogue(databaseUrl)
  try {
    const report = await catalogue.asset(original.assetId.toUpperCase())
    assert.equal(report.asset?.uri, original.submission.uri)
    assert.deepEqual(report.asset?.tags[0], { name: original.tags.tags[0]!.name, confidence: 1, predicted: false })
    assert.equal(report.asset?.tags.length, 10)
    assert.equal(report.asset?.traceId, bytesOf('trace 0', 16).toString('hex'))
    assert.deepEqual(report.failures.map(({ code, offset }) => ({ code, offset })), [{ code: 'tag.odd', offset: 12 }])
    assert.deepEqual(report.duplicates, [{ id: copy.assetId, relation: 'near-copy', distance: 6, evidence: 'pdq 6 of 256', uri: copy.submission.uri, sourceId: 'item-17001' }])
    const [surest] = await catalogue.byTag(original.tags.tags[0]!.name, { limit: 1 })
    assert.equal(surest?.confidence, 1)
    // Cosine to (1, 0): the copy 1, (0.5, 0.5) 1/√2, (0, 1) 0. The video has another model.
    assert.deepEqual(report.neighbours.map(({ id, similarity }) => [id, Math.round(similarity * 1e4) / 1e4]), [[copy.assetId, 1], [assetId(17_003), 0.7071], [assetId(17_002), 0]])
    const byVector = await catalogue.similar({ vector: [0, 2], model: 'flat', k: 1 })
    assert.deepEqual(byVector.map(({ id }) => id), [assetId(17_002)])
    assert.deepEqual((await catalogue.duplicatesOf(copy.assetId)).map(({ id, relation }) => ({ id, relation })), [{ id: original.assetId, relation: 'original' }])
    assert.deepEqual((await catalogue.clusters({ limit: 1_000 })).filter(({ model }) => model === 'flat'), [{ model: 'flat', cluster: 5, assets: 4, example: original.assetId }])
    assert.deepEqual((await catalogue.bySha256(copy.content.sha256)).map(({ id }) => id), [copy.assetId])
    assert.deepEqual((await catalogue.bySourceId('shop', 'item-17004')).map(({ id, attributes, kind }) => ({ id, attributes, kind })), [
      { id: video.assetId, attributes: { colour: 'red', size: 'L' }, kind: 'video' },
    ])
    assert.deepEqual(await catalogue.asset('no such thing'), { asset: null, failures: [], duplicates: [], neighbours: [] })
    const counts = await catalogue.counts()
    assert.equal(counts.byRelation['near-copy'], 1)
    assert.equal(counts.byKind['video'], 1)
    assert.deepEqual(counts.failures.find(({ code }) => code === 'tag.odd'), { stage: 'tag', code: 'tag.odd', count: 1 })
    assert.deepEqual((await catalogue.failures({ code: 'tag.odd' })).map(({ asset }) => asset), [original.assetId])
    assert.equal((await catalogue.rowsSince(new Date(0), { limit: 3 })).length, 3)
    const frames = await onServer(databaseUrl, 'select frame, pts_micros::int as pts, quality, vector_dims(embedding) as dims from asset_frame where asset_id = $1 order by frame', [video.assetId])
    assert.deepEqual(frames.map((row) => ({ ...row })), [0, 1, 2].map((frame) => ({ frame, pts: frame * 1_000_000, quality: 50 + frame, dims: 512 })))
  } finally {
    await catalogue.close()
  }
})
