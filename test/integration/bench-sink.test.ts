/** What `npm run bench -- sink` measures, with few rows: that each writer writes the same, and that a difference is told. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { holdsRows } from '#test/bench/sink/contents.ts'
import { fill } from '#test/bench/sink/fill.ts'
import { applyFlat, fillFlat, runFlat } from '#test/bench/sink/flat-run.ts'
import { openGround, recordsIn, type Ground } from '#test/bench/sink/ground.ts'
import { insertCommits } from '#test/bench/sink/insert.ts'
import { narrowRow } from '#test/bench/sink/narrow-row.ts'
import { copyCommits, exportCommits } from '#test/bench/sink/raw-copy.ts'
import { realRow } from '#test/bench/sink/real-row.ts'
import { runSink } from '#test/bench/sink/sink-run.ts'
import type { TagNumbers } from '#test/bench/sink/subject.ts'
import { onServer } from '#test/support/database.ts'

const ROWS = 2_500

let ground: Ground
before(async () => void (ground = await openGround()))
after(() => ground.close())

for (const subject of [realRow, narrowRow]) {
  test(`the sink, psql and INSERT leave the same ${subject.name} rows`, async () => {
    await ground.apply(subject.topology)
    await fill(ground, { topic: subject.topic, valueOf: subject.valueOf, count: ROWS })
    const dir = join(ground.dir, subject.name)
    const { tags, commits } = await ground.withDatabase(subject, async (databaseUrl) => {
      const run = await runSink(ground, subject, { databaseUrl, count: ROWS, app: 'test' })
      assert.equal(run.commits.reduce((sum, rows) => sum + rows), ROWS)
      const numbers = await subject.tagNumbers(databaseUrl)
      assert.ok(await holdsRows(databaseUrl, subject, ROWS, numbers))
      return { tags: numbers, commits: await exportCommits(databaseUrl, subject, dir) }
    })
    if (subject.announced) assert.equal(await recordsIn(ground, subject.announced), ROWS)
    await ground.withDatabase(subject, async (databaseUrl) => {
      await copyCommits(databaseUrl, commits, dir)
      assert.ok(await holdsRows(databaseUrl, subject, ROWS, tags))
    })
    await ground.withDatabase(subject, async (databaseUrl) => {
      await insertCommits(subject, { databaseUrl, commits: [ROWS - 500, 500], tags })
      assert.ok(await holdsRows(databaseUrl, subject, ROWS, tags))
    })
  })
}

for (const subject of [realRow, narrowRow]) {
  test(`the sink writes the ${subject.name} rows of Kafka Connect's topic into its table`, async () => {
    const tags: TagNumbers = new Map(Array.from({ length: 3_000 }, (_, n) => [`tag-${n}`, n + 1]))
    await applyFlat(ground, subject)
    await fillFlat(ground, subject, tags, { from: 0, to: 1_000 })
    await fillFlat(ground, subject, tags, { from: 1_000, to: ROWS })
    const { run, verified } = await runFlat(ground, subject, tags, ROWS)
    assert.deepEqual([verified, run.commits.reduce((sum, rows) => sum + rows)], [true, ROWS])
  })
}

const CHANGES = {
  'a row that is missing': 'delete from asset where bytes = 100001',
  'a row that came twice': 'insert into asset_detail select * from asset_detail where source_id = $$item-1$$',
  'two rows that have each other\'s tags': 'update asset a set tags = b.tags from asset b where a.bytes + b.bytes = 200003 and a.bytes in (100001, 100002)',
  'one number of one vector': `update asset set embedding = (replace(embedding::text, split_part(embedding::text, ',', 2), '0'))::halfvec where bytes = 100001`,
  'a time that is a millisecond off': 'update asset set event_at = event_at + interval $$1 ms$$ where bytes = 100001',
}

for (const [change, sql] of Object.entries(CHANGES)) {
  test(`${change} is told`, () => ground.withDatabase(realRow, async (databaseUrl) => {
    const tags: TagNumbers = new Map(Array.from({ length: 3_000 }, (_, n) => [`tag-${n}`, n + 1]))
    await insertCommits(realRow, { databaseUrl, commits: [10], tags })
    assert.ok(await holdsRows(databaseUrl, realRow, 10, tags))
    await onServer(databaseUrl, sql)
    assert.equal(await holdsRows(databaseUrl, realRow, 10, tags), false)
  }))
}
