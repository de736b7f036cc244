/** Large batches become segments, and what comes again is compared with what is stored; on a real Postgres. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openCatalogue } from '#client/catalogue.ts'
import { toRow } from '#processors/store/asset-row.ts'
import { assetTables, packAsset, type AssetIds, type PackedAsset } from '#processors/store/asset-tables.ts'
import type { SinkBatch } from '#runtime/loop/ports.ts'
import { migrate } from '#runtime/postgres/migrate.ts'
import { PostgresSinkStore } from '#runtime/postgres/sink-store.ts'
import type { AssetClustered } from '#schemas'
import { clusteredAsset, clusteredVideo } from '#test/support/clustered-assets.ts'
import { dropDatabases, freshDatabase, onServer } from '#test/support/database.ts'
import { stackFor } from '#test/support/stack.ts'

const MIGRATIONS = join(import.meta.dirname, '../../migrations')
const TOPIC = 'asset.clustered'
/** Small enough for a test. */
const SEGMENT_ROWS = 100

const stores: PostgresSinkStore<PackedAsset, AssetIds>[] = []
after(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await dropDatabases()
})
const server = (await stackFor(['postgres'])).databaseUrl
let databaseUrl: string

before(async () => {
  databaseUrl = await freshDatabase(server)
  await migrate({ databaseUrl, dir: MIGRATIONS })
})

/** A store that owns a partition of its own. */
async function openStore(partition: number): Promise<{ store: PostgresSinkStore<PackedAsset, AssetIds>; commit(assets: AssetClustered[]): Promise<{ refused: number[] }> }> {
  const store = new PostgresSinkStore({ sink: 'store', databaseUrl, rows: { ...assetTables(), segmentRows: SEGMENT_ROWS }, owner: `test-${stores.length}` })
  stores.push(store)
  let { offset } = (await store.claim([{ topic: TOPIC, partition }]))[0]!
  return {
    store,
    async commit(assets) {
      const { refused } = await store.commit(batchOf(partition, offset, assets))
      offset += assets.length
      return { refused: refused.map(({ index }) => index) }
    },
  }
}

/** From an offset on. */
function batchOf(partition: number, from: number, assets: AssetClustered[]): SinkBatch<PackedAsset> {
  const originOf = (index: number) => ({ topic: TOPIC, partition, offset: from + index, eventTimeMs: 1_700_000_000_000, traceId: null })
  const rows = assets.map((asset, index) => packAsset(toRow(asset, originOf(index))))
  return { rows, originOf, failures: [], progress: [{ topic: TOPIC, partition, from, to: from + rows.length }] }
}

/** With a vector that Postgres refuses: it begins with NaN. */
function spoiled({ embedding, ...asset }: AssetClustered): AssetClustered {
  return { ...asset, embedding: { ...embedding!, vector: Buffer.concat([Buffer.from([0x00, 0x7e]), embedding!.vector.subarray(2)]) } }
}

const stills = (first: number, count: number): AssetClustered[] => Array.from({ length: count }, (_, at) => clusteredAsset(first + at))
const idsOf = (assets: AssetClustered[]): string[] => assets.map(({ assetId }) => assetId)
const sql = <R extends object>(text: string, values: unknown[] = []): Promise<R[]> => onServer<R>(databaseUrl, text, values)

/** Where each row lies and which transaction wrote it. */
const placesOf = (assets: AssetClustered[]): Promise<object[]> =>
  sql('select id, segment, ctid::text, xmin::text from asset where id = any($1) order by id', [idsOf(assets)])

const segmentsOf = async (assets: AssetClustered[]): Promise<number[]> =>
  (await sql<{ segment: number }>('select distinct segment from asset where id = any($1) order by 1', [idsOf(assets)])).map(({ segment }) => segment)

test('a large batch becomes a segment: frozen, indexed, and read like any row', async () => {
  const { commit } = await openStore(1)
  const batch = [...stills(1_000, 119), clusteredVideo(1_119, 4)]
  assert.deepEqual(await commit(batch), { refused: [] })
  const [segment] = await segmentsOf(batch)
  assert.ok(segment! > 0)
  assert.deepEqual(await sql(`select rows, first_id, last_id from segment where number = ${segment}`), [{ rows: 120, first_id: batch[0]!.assetId, last_id: batch[119]!.assetId }])
  // 120 rows at six a page, all frozen by the time of the commit.
  const [pages] = await sql<Record<string, number>>(`select relpages, relallvisible, relallfrozen from pg_class where relname = 'asset_${segment}'`)
  assert.deepEqual({ ...pages }, { relpages: 20, relallvisible: 20, relallfrozen: 20 })
  assert.deepEqual(await sql(`select count(*)::int as frames from asset_frame_${segment}`), [{ frames: 4 }])
  const catalogue = openCatalogue(databaseUrl)
  try {
    const { asset } = await catalogue.asset(batch[119]!.assetId)
    assert.equal(asset?.uri, batch[119]!.submission.uri)
    assert.equal(asset?.tags.length, 10)
    assert.deepEqual((await catalogue.bySha256(batch[7]!.content.sha256)).map(({ id }) => id), [batch[7]!.assetId])
  } finally {
    await catalogue.close()
  }
})

test('a small batch goes to the open segment', async () => {
  const { commit } = await openStore(2)
  const batch = stills(2_000, SEGMENT_ROWS - 1)
  await commit(batch)
  assert.deepEqual(await segmentsOf(batch), [0])
})

for (const { name, first, count, partition } of [
  { name: 'a segment', first: 3_000, count: 120, partition: 3 }, { name: 'the open segment', first: 4_000, count: 60, partition: 4 },
]) {
  test(`rows of ${name} that come again unchanged are not written, by this owner or the next`, async () => {
    const batch = [...stills(first, count - 1), clusteredVideo(first + count - 1, 3)]
    const { commit } = await openStore(partition)
    await commit(batch)
    const before = await placesOf(batch)
    assert.equal(before.length, count)
    await commit(batch)
    await (await openStore(partition)).commit(batch.toReversed())
    assert.deepEqual(await placesOf(batch), before)
    assert.deepEqual(await sql('select count(*)::int as n from asset_detail where asset_id = any($1)', [idsOf(batch)]), [{ n: count }])
  })

  test(`rows of ${name} that come again changed are corrected, and their neighbours stay where they are`, async () => {
    const batch = [...stills(first + 500, count - 1), clusteredVideo(first + 500 + count - 1, 3)]
    const { commit } = await openStore(partition)
    await commit(batch)
    const neighbours = batch.filter((_, at) => at !== 10 && at !== 11 && at !== count - 1)
    const before = await placesOf(neighbours)
    const again = batch.map((asset, at): AssetClustered => {
      if (at === 10) return { ...asset, placement: { ...asset.placement!, cluster: 77_777 } }
      if (at === 11) return { ...asset, submission: { ...asset.submission, source: 'another shop' } } // in the detail only
      if (at === count - 1) return clusteredVideo(first + 500 + at, 5) // two key frames more
      return asset
    })
    assert.deepEqual(await commit(again), { refused: [] })
    assert.deepEqual(await placesOf(neighbours), before)
    const rows = await sql('select id, cluster, source from asset_view where id = any($1) order by id', [idsOf([batch[10]!, batch[11]!])])
    assert.deepEqual(rows.map((row) => ({ ...row })), [
      { id: batch[10]!.assetId, cluster: 77_777, source: 'shop' }, { id: batch[11]!.assetId, cluster: (first + 511) % 1_000, source: 'another shop' },
    ])
    assert.deepEqual(await sql('select count(*)::int as n from asset_frame where asset_id = $1', [batch[count - 1]!.assetId]), [{ n: 5 }])
    assert.deepEqual(await sql('select count(*)::int as n, count(distinct id)::int as ids from asset where id = any($1)', [idsOf(batch)]), [{ n: count, ids: count }])
    const after = await placesOf(again)
    await commit(again)
    assert.deepEqual(await placesOf(again), after, 'the corrected rows are found where they are now')
  })
}

test('a correction that Postgres refuses leaves the row as it was', async () => {
  const { commit } = await openStore(5)
  const batch = stills(5_000, 40)
  await commit(batch)
  const before = await placesOf(batch)
  assert.deepEqual(await commit([...batch.slice(0, 3), spoiled(batch[3]!), ...batch.slice(4)]), { refused: [3] })
  assert.deepEqual(await placesOf(batch), before)
})

test('of two versions in one batch the last is stored', async () => {
  const { commit } = await openStore(6)
  const [asset] = stills(6_000, 1) as [AssetClustered]
  await commit([asset, { ...asset, placement: { ...asset.placement!, cluster: 42 } }])
  assert.deepEqual(await sql('select cluster from asset where id = $1', [asset.assetId]), [{ cluster: 42 }])
})

test('a bad row in a large batch is isolated, and the others are stored in the same commit', async () => {
  const { commit } = await openStore(7)
  const batch = stills(7_000, 150)
  batch[90] = spoiled(batch[90]!)
  assert.deepEqual(await commit(batch), { refused: [90] })
  const rows = await sql<{ commits: number; n: number }>('select count(distinct stored_at)::int as commits, count(*)::int as n from asset where id = any($1)', [idsOf(batch)])
  assert.deepEqual(rows, [{ commits: 1, n: 149 }])
  const left = await sql('select relname from pg_class c where relname ~ \'^asset_[0-9]+$\' and not relispartition')
  assert.deepEqual(left, [], 'no table of a segment that was given up is left')
})

test('a large batch that holds rows of the open segment and new ones stores each once', async () => {
  const { commit } = await openStore(8)
  const old = stills(8_000, 50)
  await commit(old)
  const before = await placesOf(old)
  await commit([...old.slice(25), ...stills(8_100, 130)])
  assert.deepEqual(await placesOf(old), before)
  const fresh = stills(8_100, 130)
  assert.equal((await placesOf(fresh)).length, 130)
  assert.ok((await segmentsOf(fresh))[0]! > 0)
})

test('owners that seal segments at the same time do not wait in a circle', async () => {
  const owners = await Promise.all([11, 12, 13].map((partition) => openStore(partition)))
  await Promise.all(owners.map(async ({ commit }, owner) => {
    for (let round = 0; round < 5; round++) await commit(stills(20_000 + owner * 10_000 + round * 200, 150))
  }))
  assert.deepEqual(await sql('select count(*)::int as n from asset where kafka_partition between 11 and 13'), [{ n: 3 * 5 * 150 }])
})

test('a connection that ends before the commit leaves neither rows nor tables of a segment', async () => {
  const partition = 14
  const rows = { ...assetTables(), segmentRows: SEGMENT_ROWS }
  const store = new PostgresSinkStore({
    sink: 'store', databaseUrl, rows, owner: 'ended',
    at: async (name) => {
      if (name === 'before-sql-commit') await sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'store/ended'")
    },
  })
  stores.push(store)
  await store.claim([{ topic: TOPIC, partition }])
  const tables = (): Promise<object[]> => sql("select relname from pg_class where relname ~ '^asset.*_[0-9]+$' order by 1")
  const before = await tables()
  await assert.rejects(store.commit(batchOf(partition, 0, stills(60_000, 120))), { name: 'RetryLater' })
  assert.deepEqual(await tables(), before)
  assert.deepEqual(await sql('select count(*)::int as n from asset where kafka_partition = 14'), [{ n: 0 }])
})

test('appended rows are frozen while their pages are new', async () => {
  const url = await freshDatabase(server)
  await migrate({ databaseUrl: url, dir: MIGRATIONS })
  const store = new PostgresSinkStore({ sink: 'store', databaseUrl: url, rows: assetTables(), owner: 'freezing' })
  await store.claim([{ topic: TOPIC, partition: 0 }])
  await store.commit(batchOf(0, 0, stills(100_000, 5_000)))
  await store.close()
  const [open] = await onServer<{ pages: number; frozen: number }>(url, "select relpages as pages, relallfrozen as frozen from pg_class where relname = 'asset_open'")
  // 5,000 rows at six a page; COPY extends a table by more than it needs at once. A transaction of another test may
  // hold the horizon back for a moment, which leaves its pages for the next time.
  assert.ok(open!.frozen >= 830, `${open!.frozen} of ${open!.pages} pages are frozen, 834 have rows`)
})
