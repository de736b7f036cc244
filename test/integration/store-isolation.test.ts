/** What one bad row costs its neighbours, counted on the wire between the sink's store and Postgres. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { toRow } from '#processors/store/asset-row.ts'
import { assetTables, packAsset, type AssetIds, type PackedAsset } from '#processors/store/asset-tables.ts'
import { migrate } from '#runtime/postgres/migrate.ts'
import { PostgresSinkStore } from '#runtime/postgres/sink-store.ts'
import { Messages } from '#test/delivery/faults/postgres-wire.ts'
import { bytesOf, clusteredAsset } from '#test/support/clustered-assets.ts'
import { dropDatabases, freshDatabase, onServer } from '#test/support/database.ts'
import { stackFor } from '#test/support/stack.ts'
import { TcpProxy } from '#test/support/tcp-proxy.ts'

const TOPIC = 'asset.clustered'
const ROWS = 5_000

/** Half precision, little-endian: halfvec takes no NaN. */
const NAN = 0x7e00

let proxy: TcpProxy
let store: PostgresSinkStore<PackedAsset, AssetIds>
after(async () => {
  await store?.close()
  await proxy?.close()
  await dropDatabases()
})
// After the hook above: hooks run in the order in which they are registered, and the stack must end last.
const server = (await stackFor(['postgres'])).databaseUrl
let databaseUrl: string

/** Statements of the client since the last `asked = []`: texts of simple queries, 'prepared' for others. */
let asked: string[] = []

before(async () => {
  databaseUrl = await freshDatabase(server)
  await migrate({ databaseUrl, dir: join(import.meta.dirname, '../../migrations') })
  proxy = await TcpProxy.open({ targetPort: Number(new URL(server).port), wire: () => countingWire() })
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${proxy.port}`
  store = new PostgresSinkStore({ sink: 'store', databaseUrl: url.href, rows: assetTables(), owner: 'isolating' })
})

const [QUERY, EXECUTE] = ['Q', 'E'].map((letter) => letter.charCodeAt(0))

function countingWire() {
  const messages = new Messages()
  return {
    toServer(chunk: Buffer): Buffer {
      for (const { type, text } of messages.add(chunk)) {
        if (type === QUERY) asked.push(text.trim().toLowerCase())
        if (type === EXECUTE) asked.push('prepared')
      }
      return chunk
    },
    toClient: (chunk: Buffer) => chunk,
  }
}

/** Commits a batch of ROWS rows to a partition of its own, the rows at `bad` with a vector that Postgres refuses. */
async function commitBatch(partition: number, bad: number[]): Promise<{ rows: PackedAsset[]; refused: number[]; statements: string[] }> {
  await store.claim([{ topic: TOPIC, partition }])
  const originOf = (offset: number) => ({ topic: TOPIC, partition, offset, eventTimeMs: 1_700_000_000_000, traceId: bytesOf('trace', 16) })
  const assets = Array.from({ length: ROWS }, (_, offset) => clusteredAsset(partition * ROWS + offset))
  for (const at of bad) assets[at]!.embedding!.vector.writeUInt16LE(NAN, 0)
  const rows = assets.map((asset, offset) => packAsset(toRow(asset, originOf(offset))))
  asked = []
  const { refused } = await store.commit({ rows, originOf, failures: [], progress: [{ topic: TOPIC, partition, from: 0, to: ROWS }] })
  return { rows, refused: refused.map(({ index }) => index), statements: asked }
}

/** Into `asset` or a segment of it, not into its detail or frames. */
const copiesOfAssets = (statements: string[]): number => statements.filter((text) => /^copy "asset(_open|_\d+)?"/.test(text)).length

test('one bad row in 5,000 costs at most 2·log₂(n) copies more, and its neighbours stay in the one commit', async (t) => {
  await commitBatch(1, []) // after it, the numbers of all tags and models are known
  const sound = await commitBatch(2, [])
  assert.equal(copiesOfAssets(sound.statements), 1)
  for (const [run, bad] of [0, 3_131, ROWS - 1].entries()) {
    const partition = 3 + run
    const { rows, refused, statements } = await commitBatch(partition, [bad])
    const extra = copiesOfAssets(statements) - 1
    t.diagnostic(`row ${bad}: ${extra} copies more; ${statements.length} statements in all, ${sound.statements.length} without a bad row`)
    assert.deepEqual(refused, [bad])
    // ⌈log₂ 5,000⌉ = 13 times halved, two copies each.
    assert.ok(extra > 0 && extra <= 2 * 13, `${extra} copies more`)
    // A try is a savepoint, a copy for each of three tables at most, and its release; once, stored rows are looked for.
    assert.ok(statements.length - sound.statements.length <= 5 * extra + 2, `${statements.length} statements`)
    assert.equal(statements.filter((text) => text === 'commit').length, 1)
    const stored = await onServer(databaseUrl, 'select count(*)::int as rows, count(distinct stored_at)::int as transactions from asset where kafka_partition = $1', [partition])
    assert.deepEqual({ ...stored[0] }, { rows: ROWS - 1, transactions: 1 })
    const failures = await onServer<object>(databaseUrl, 'select "offset"::int, stage, code, reason, asset_id::text from asset_failure where topic = $1 and partition = $2', [TOPIC, partition])
    assert.deepEqual(failures.map((row) => ({ ...row })), [
      { offset: bad, stage: 'store', code: 'store.refused-row', reason: 'Postgres refused the row: NaN not allowed in halfvec', asset_id: rows[bad]!.id },
    ])
  }
})

test('rows that are bad side by side and far apart are all found, in one commit', async () => {
  const bad = [0, 1, 2_499, 2_500, 4_999]
  const { refused, statements } = await commitBatch(10, bad)
  assert.deepEqual(refused, bad)
  assert.equal(statements.filter((text) => text === 'commit').length, 1)
  const [stored] = await onServer(databaseUrl, 'select count(*)::int as rows, count(distinct stored_at)::int as transactions from asset where kafka_partition = 10')
  assert.deepEqual({ ...stored }, { rows: ROWS - bad.length, transactions: 1 })
})
