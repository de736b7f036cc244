/** The designs that the benchmark `writes` compares: each stores what it says, and what it reads back is really compared. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { cleaned } from '#test/bench/writes/subjects/cleaned.ts'
import { old } from '#test/bench/writes/subjects/old.ts'
import { ours, oursWith, writeAgain } from '#test/bench/writes/subjects/ours.ts'
import { countingStatements } from '#test/bench/writes/variants/statements.ts'
import { dropDatabases, freshDatabase, onServer } from '#test/support/database.ts'
import { stackFor } from '#test/support/stack.ts'

after(dropDatabases)
const stack = await stackFor(['postgres'])

const PRELOADED = 300
const RANGE = { from: PRELOADED, count: 100 }
const STORED = PRELOADED + RANGE.count

for (const { subject, damages } of [
  { subject: old, damages: ["update items set cluster_id = cluster_id + 1 where source_id like '%-350'", "delete from tags where item_id = (select id from items where source_id like '%-350') and confidence > 0.9"] },
  { subject: cleaned, damages: ["update items set embedding = null where source_id like '%-350'", "update items set tags = tags - 0 where source_id like '%-350'"] },
  { subject: ours, damages: ['update asset set pdq = sha256 where kafka_offset * 6 + kafka_partition = 350', "update tag set name = name || 'x'", 'update asset_frame set frame = frame + 1'] },
  { subject: oursWith({ name: 'all segments', segmentRows: 1 }), damages: ["update asset_detail set uri = uri || 'x'"] },
]) {
  test(`${subject.name}: assets are stored beside those that were there, and any other row would be noticed`, async () => {
    const url = await freshDatabase(stack.databaseUrl)
    await subject.prepare(url, PRELOADED)
    await subject.write(url, RANGE, 64)
    await subject.settle(url)
    await subject.verify(url, RANGE, STORED)
    await assert.rejects(subject.verify(url, RANGE, STORED + 1), /stored/)
    for (const damage of damages) {
      await onServer(url, damage)
      await assert.rejects(subject.verify(url, RANGE, STORED), /digest/, damage)
    }
  })
}

test('the old design sends some twenty statements an item, as it did', async () => {
  const url = await freshDatabase(stack.databaseUrl)
  await old.prepare(url, 0)
  // An upsert, and a DELETE and an INSERT for each of ten tags; begin and commit for each ten items; one setting.
  assert.equal(await countingStatements(() => old.write(url, { from: 0, count: 20 }, 10)), 20 * 21 + 2 * 2 + 1)
})

test('a replay of our assets leaves every row as it was', async () => {
  const url = await freshDatabase(stack.databaseUrl)
  const range = { from: 0, count: 200 }
  await ours.prepare(url, 0)
  await ours.write(url, range, 100)
  await writeAgain(url, range, 100)
  await ours.verify(url, range, range.count)
})

test('settling freezes every row of ours', async () => {
  const url = await freshDatabase(stack.databaseUrl)
  await ours.prepare(url, 0)
  await ours.write(url, { from: 0, count: 200 }, 100)
  await ours.settle(url)
  const [row] = await onServer<{ pages: number; frozen: number }>(url, "select pg_relation_size('asset_open')::int / 8192 as pages, relallfrozen as frozen from pg_class where relname = 'asset_open'")
  assert.ok(row!.pages > 0)
  assert.equal(row!.frozen, row!.pages)
})
