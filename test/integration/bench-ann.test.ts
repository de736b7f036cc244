/** The bench of nearest vectors on a real Postgres, with few rows: what it measures is what it says. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { linesOf, metricsOf } from '#test/bench/ann/figures.ts'
import { drawSample, mixtureLike } from '#test/bench/ann/mixture.ts'
import { searchesFor, trySearch } from '#test/bench/ann/searches.ts'
import { seal, type Design } from '#test/bench/ann/segments.ts'
import { allDesigns, tryAll } from '#test/bench/ann/trial.ts'
import { nearestOf } from '#test/bench/ann/truth.ts'
import { dropDatabases, freshDatabase } from '#test/support/database.ts'
import { stackFor } from '#test/support/stack.ts'

let client: Client
// Above the stack's own `after`, which would otherwise run first.
after(async () => {
  await client?.end()
  await dropDatabases()
})
const { databaseUrl } = await stackFor(['postgres'])
before(async () => {
  client = new Client({ connectionString: await freshDatabase(databaseUrl) })
  await client.connect()
  await client.query('create extension vector')
})

const sample = drawSample(20, 16)
const set = mixtureLike(sample, sample.photoOf, { rows: 600, queries: 8, components: 40 })
const truth = nearestOf(set)
const NONE: Design = { kind: 'none' }

test('segments share the rows evenly, six a page, and each is sealed by one transaction', async () => {
  const { rows, whole } = await seal(client, set, 3, NONE)
  const { rows: tables } = await client.query<{ segment: number; rows: number; pages: number; transactions: number }>(
    `select segment, count(*)::int as rows, (pg_relation_size(min(tableoid::int8)::oid) / 8192)::int as pages, count(distinct xmin::text)::int as transactions
     from vector_row group by segment order by segment`)
  assert.deepEqual(tables, [1, 2, 3].map((segment) => ({ segment, rows: 200, pages: 34, transactions: 1 }))) // 200 / 6 = 33.3
  assert.equal(rows, 600)
  assert.ok(whole.walBytes > 600 * 1_300, `${whole.walBytes} bytes of WAL`)
})

test('each design is searched as its name says, in one segment and in several, and the exact scan agrees with Node', async () => {
  const designs = allDesigns(set)
  const findings = await tryAll(client, [{ set, segments: 1, designs }, { set, segments: 4, designs }], () => undefined)
  assert.deepEqual(findings.flatMap(({ problems }) => problems), [])
  for (const { design, sealing, outcomes } of findings) {
    assert.equal(sealing.added.bytes > 600 * 64, design.kind !== 'none', `${design.kind} adds ${sealing.added.bytes} bytes`)
    // 200 of 600 rows hold the nearest whatever the signs say of their order among each other.
    for (const { search, recall } of outcomes) if (search.oversampling === 20 || search.isExact) assert.ok(recall > 0.95, `${search.name}: ${recall}`)
  }
  assert.ok(metricsOf(findings).every(({ value }) => Number.isFinite(value)))
  assert.equal(linesOf(findings).length, findings.length + findings.flatMap(({ outcomes }) => outcomes).length)
})

test('an exact scan that gives other rows than Node is no result', async () => {
  await seal(client, set, 1, NONE)
  const others = { cosines: truth.cosines.map((cosines) => cosines.map((cosine) => cosine + 0.01)) }
  const { problems, recall } = await trySearch({ client, set, truth: others, segments: 1 }, searchesFor(NONE, 1)[0]!)
  assert.deepEqual(problems, ['not the nearest as worked out in Node'])
  assert.ok(recall < 1)
})

test('a search by an index that is not there is no result', async () => {
  await seal(client, set, 1, NONE)
  const { problems } = await trySearch({ client, set, truth, segments: 1 }, searchesFor({ kind: 'hnsw', of: 'vectors', m: 16 }, 1)[0]!)
  assert.match(problems.join(), /HNSW of halfvec, m = 16: planned as .*Seq Scan/)
})

test('a search leaves no settings behind, or the next statements would be planned by them', async () => {
  await seal(client, set, 1, { kind: 'codes' })
  await trySearch({ client, set, truth, segments: 1 }, searchesFor({ kind: 'codes' }, 1)[0]!)
  const { rows } = await client.query('select name from pg_settings where source = \'session\' and name like \'enable%\'')
  assert.deepEqual(rows, [])
})

test('a graph that outgrows the memory for its build is no result', async () => {
  await client.query('set maintenance_work_mem = \'512kB\'')
  await assert.rejects(seal(client, set, 1, { kind: 'hnsw', of: 'vectors', m: 16 }), /maintenance_work_mem/)
  await client.query('reset maintenance_work_mem')
})
