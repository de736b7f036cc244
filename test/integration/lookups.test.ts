/** Lookups in two million assets: twenty segments, of which one is open. What each reads is counted, not only timed. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { migrate } from '#runtime/postgres/migrate.ts'
import { dropDatabases, freshDatabase } from '#test/support/database.ts'
import { stackFor } from '#test/support/stack.ts'

const MIGRATIONS = join(import.meta.dirname, '../../migrations')
const ROWS = 2_000_000
const SEGMENT_ROWS = 100_000
const OPEN_ROWS = 100_000
const CLUSTERS = 50_000

/** Pages of 8 kB that a lookup may touch; the tables have some 400,000. */
const MAX_PAGES = 1_500
/** Generous: the machine may be busy. What is measured with care is in the benchmarks. */
const MAX_MS = 1_000

let client: Client
after(async () => {
  await client?.end()
  await dropDatabases()
})
const server = (await stackFor(['postgres'])).databaseUrl

/** UUIDv7 of the nth asset: 10 ms apart, the rest from a hash. Assets arrive up to 5 s later than their ids. */
const NTH_ID = `create function nth_id(n bigint) returns uuid immutable parallel safe language sql return
  (lpad(to_hex(1700000000000 + n * 10 - (n * 7919) % 5000), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid`

/**
 * Assets first to last, as long as those of the pipeline. Every tenth, n, is a copy of n / 2; clusters repeat after
 * 50,000, so each has two rows in every segment.
 */
const FILL = `create procedure fill(first bigint, last bigint, name text) language plpgsql as $$
  begin
    execute format(
      'insert into asset_%s (event_at, stored_at, bytes, kafka_offset, id, trace_id, canonical_id, kafka_partition, cluster, cluster_similarity,
         width, height, embedding, kind, relation, model, quality, nsfw, sha256, pixels, blockhash, pdq, tags)
       select timestamptz ''2026-01-01'' + n * interval ''10 ms'', timestamptz ''2026-01-01'' + (n / 5000) * interval ''50 s'', n, n, nth_id(n), nth_id(n),
         case when n %% 10 = 0 then nth_id(n / 2) end, 0, n %% ${CLUSTERS}, 0.9, 640, 480, $3, 0, case when n %% 10 = 0 then 3 else 0 end, 1, 90, false,
         hash, hash, hash, hash, decode(repeat(''02ff'', 10), ''hex'')
       from (select n, sha256(int8send(n)) as hash from generate_series($1, $2) n) numbered', name)
      using first, last, array_fill(0.5::real, array[512])::halfvec;
    execute format(
      'insert into asset_detail_%s (asset_id, source, source_id, uri, media_type, codec)
       select nth_id(n), ''shop'', ''item-'' || n, ''https://pictures.example.org/catalogue/'' || n || ''.jpg'', ''image/jpeg'', ''jpeg''
       from generate_series($1, $2) n', name)
      using first, last;
  end $$`

const TABLES = "array['asset', 'asset_detail', 'asset_frame']"

/** As the sink makes it: table, rows, indexes and attachment in one transaction. */
const SEAL = `create procedure seal(first bigint, last bigint) language plpgsql as $$
  declare
    number integer := begin_segment(${TABLES});
  begin
    call fill(first, last, number::text);
    perform seal_segment(number, ${TABLES}, (last - first + 1)::integer, nth_id(first), nth_id(last));
  end $$`

before(async () => {
  const databaseUrl = await freshDatabase(server)
  await migrate({ databaseUrl, dir: MIGRATIONS })
  client = new Client({ connectionString: databaseUrl })
  await client.connect()
  for (const statement of [NTH_ID, FILL, SEAL]) await client.query(statement)
  for (let first = 1; first <= ROWS - OPEN_ROWS; first += SEGMENT_ROWS) await client.query('call seal($1, $2)', [first, first + SEGMENT_ROWS - 1])
  await client.query("call fill($1, $2, 'open')", [ROWS - OPEN_ROWS + 1, ROWS])
  await client.query('vacuum (freeze, analyze) asset_open, asset_detail_open')
})

interface PlanNode { 'Node Type': string; 'Relation Name'?: string; 'Actual Loops': number; 'Plans'?: PlanNode[]; 'Shared Hit Blocks': number; 'Shared Read Blocks': number }

/** What a statement reads: pages, and the tables that it reads from end to end. Within a function only pages are seen. */
async function costOf(text: string, values: unknown[]): Promise<{ pages: number; scanned: string[]; ms: number }> {
  const { rows: [row] } = await client.query<{ 'QUERY PLAN': { 'Plan': PlanNode; 'Execution Time': number }[] }>(`explain (analyze, buffers, format json) ${text}`, values)
  const [{ Plan: plan, 'Execution Time': ms }] = row!['QUERY PLAN'] as [{ 'Plan': PlanNode; 'Execution Time': number }]
  const scanned = nodesOf(plan).filter((node) => node['Node Type'].endsWith('Seq Scan') && node['Actual Loops'] > 0).map((node) => node['Relation Name'] ?? '')
  return { pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'], scanned: scanned.filter((name) => name.startsWith('asset')), ms }
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)]
}

async function idsOf(text: string, values: unknown[]): Promise<string[]> {
  return (await client.query<{ id: string }>(text, values)).rows.map(({ id }) => id).sort()
}

async function nthIds(numbers: number[]): Promise<string[]> {
  return (await client.query<{ id: string }>('select nth_id(n) as id from unnest($1::bigint[]) n', [numbers])).rows.map(({ id }) => id).sort()
}

function sha256Of(n: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(n))
  return createHash('sha256').update(bytes).digest()
}

/** Finds exactly these assets, reads few pages, and reads no table of assets from end to end. */
async function finds(expected: string[], text: string, values: unknown[], maxPages = MAX_PAGES): Promise<void> {
  assert.deepEqual(await idsOf(text, values), expected)
  const { pages, scanned, ms } = await costOf(text, values)
  assert.deepEqual(scanned, [])
  assert.ok(pages <= maxPages, `${pages} pages`)
  assert.ok(ms <= MAX_MS, `${ms} ms`)
}

/** In the first segment, in the middle, in the open segment. */
const SOME = [17, 1_000_001, ROWS - 3]

test('there are two million assets, and they lie six in a page', async () => {
  const { rows: [found] } = await client.query<{ count: string; pages: string }>(
    "select count(*), (select sum(pg_relation_size(inhrelid)) / 8192 from pg_inherits where inhparent = 'asset'::regclass) as pages from asset")
  assert.equal(Number(found!.count), ROWS)
  assert.ok(Number(found!.pages) <= ROWS / 6 + 20 && Number(found!.pages) > ROWS / 7, `${found!.pages} pages`)
})

test('by id', async () => {
  for (const n of SOME) {
    const [id] = await nthIds([n])
    await finds([id!], 'select id from asset_view where id = $1', [id])
  }
})

test('by content', async () => {
  for (const n of SOME) await finds(await nthIds([n]), 'select id from assets_with_sha256($1)', [sha256Of(n)])
  await finds([], 'select id from assets_with_sha256($1)', [sha256Of(ROWS + 1)])
})

test('by the source\'s own id', async () => {
  for (const n of SOME) await finds(await nthIds([n]), 'select id from assets_from_source($1, $2)', ['shop', `item-${n}`])
  await finds([], 'select id from assets_from_source($1, $2)', ['another shop', 'item-17'])
})

test('by cluster: forty assets in twenty segments', async () => {
  // 17, 50,017, …, 1,950,017.
  const members = Array.from({ length: ROWS / CLUSTERS }, (_, at) => 17 + at * CLUSTERS)
  await finds(await nthIds(members), 'select id from assets_in_cluster(1::smallint, $1)', [17], 3_000) // forty rows with their details
})

test('a cluster that became another is found under its new number only', async () => {
  await client.query(`begin; insert into model (name, weights_sha256, dimensions) values ('m', sha256('m'), 512);
    insert into cluster_map (model, cluster, became) select id, 23, 24 from model`)
  try {
    assert.deepEqual(await idsOf('select id from assets_in_cluster((select id from model), 23)', []), [])
    const members = Array.from({ length: ROWS / CLUSTERS }, (_, at) => [23 + at * CLUSTERS, 24 + at * CLUSTERS]).flat()
    assert.deepEqual(await idsOf('select id from assets_in_cluster((select id from model), 24)', []), await nthIds(members))
  } finally {
    await client.query('rollback')
  }
})

test('the copies of an original', async () => {
  // 2m is a copy of m where it is a multiple of ten; the last lies in the open segment.
  for (const m of [15, 500_005, 999_995]) {
    const [original] = await nthIds([m])
    await finds(await nthIds([2 * m]), 'select id from copies_of($1)', [original])
  }
})

test('by time: the thousand assets of ten seconds', async () => {
  // 10 ms apart: 2026-01-01 02:46:40 is the 1,000,000th.
  const ids = await nthIds(Array.from({ length: 1_000 }, (_, at) => 1_000_000 + at))
  await finds(ids, 'select id from asset where event_at >= $1 and event_at < $2', ['2026-01-01T02:46:40Z', '2026-01-01T02:46:50Z'])
})

test('what was stored since a moment', async () => {
  // Transactions of 5,000 rows each 50 s; the last begins with the 2,000,000th.
  await finds(await nthIds([ROWS]), 'select id from asset where stored_at >= $1', ['2026-01-01T05:33:20Z'])
})

test('the newest by id, without sorting what is there', async () => {
  const { pages, scanned } = await costOf('select id from asset order by id desc limit 50', [])
  assert.deepEqual(scanned, [])
  assert.ok(pages <= MAX_PAGES, `${pages} pages`)
})
