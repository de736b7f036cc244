/** Rows that are not packed, with and without a key, on a real Postgres: readings of sensors, whose values are checked. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { SinkBatch } from '#runtime/loop/ports.ts'
import { column, onePerRow, PostgresSinkStore, type RowTables } from '#runtime/postgres/api.ts'
import { migrate } from '#runtime/postgres/migrate.ts'
import { bytesOf } from '#test/support/clustered-assets.ts'
import { dropDatabases, freshDatabase, onServer } from '#test/support/database.ts'
import { stackFor } from '#test/support/stack.ts'

const TOPIC = 'reading.taken'

interface Reading { id: string; sensor: number; value: number }

const stores: PostgresSinkStore<Reading, null>[] = []
after(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await dropDatabases()
})
// After the hook above: hooks run in the order in which they are registered, and the stack must end last.
const server = (await stackFor(['postgres'])).databaseUrl
let databaseUrl: string

before(async () => {
  databaseUrl = await freshDatabase(server)
  await migrate({ databaseUrl, dir: join(import.meta.dirname, '../../migrations') })
  await onServer(databaseUrl, 'create table reading (sensor smallint not null, value float8 not null check (value >= 0))')
  await onServer(databaseUrl, 'create table named_reading (id uuid primary key, sensor smallint not null, value float8 not null check (value >= 0))')
})

const SENSOR = column<Reading, null, 'int2'>('sensor', 'int2', ({ sensor }) => sensor)
const VALUE = column<Reading, null, 'float8'>('value', 'float8', ({ value }) => value)
const keyless: RowTables<Reading, null> = { tables: [onePerRow('reading', [SENSOR, VALUE])], prepare: async () => null }
const keyed: RowTables<Reading, null> = {
  tables: [onePerRow('named_reading', [column('id', 'uuid', ({ id }) => id), SENSOR, VALUE])], keyOf: ({ id }) => id, prepare: async () => null,
}

/** A store that owns a partition of its own. */
async function openStore(rows: RowTables<Reading, null>, partition: number): Promise<PostgresSinkStore<Reading, null>> {
  const store = new PostgresSinkStore({ sink: 'keep', databaseUrl, rows, owner: `test-${stores.length}` })
  stores.push(store)
  await store.claim([{ topic: TOPIC, partition }])
  return store
}

const originAt = (partition: number, offset: number) => ({ topic: TOPIC, partition, offset, eventTimeMs: 1_700_000_000_000 + offset, traceId: bytesOf(`trace ${offset}`, 16) })

function batchOf(partition: number, from: number, rows: Reading[]): SinkBatch<Reading> {
  return { rows, originOf: (index) => originAt(partition, from + index), failures: [], progress: [{ topic: TOPIC, partition, from, to: from + rows.length }] }
}

function readings(count: number): Reading[] {
  return Array.from({ length: count }, (_, n) => ({ id: `018bcfe5-0000-7000-8000-${n.toString(16).padStart(12, '0')}`, sensor: n, value: n / 8 }))
}

const sensorsIn = async (table: string): Promise<number[]> =>
  (await onServer<{ sensor: number }>(databaseUrl, `select sensor from ${table} order by sensor`)).map(({ sensor }) => sensor)

const without = (count: number, missing: number[]): number[] => Array.from({ length: count }, (_, n) => n).filter((n) => !missing.includes(n))

for (const { name, rows, table, partition, keyOf } of [
  { name: 'with a key', rows: keyed, table: 'named_reading', partition: 1, keyOf: ({ id }: Reading): string | null => id },
  { name: 'without a key', rows: keyless, table: 'reading', partition: 2, keyOf: () => null },
]) {
  test(`rows ${name} that Postgres or the wire form refuses become failures, and their neighbours are stored`, async () => {
    const store = await openStore(rows, partition)
    const batch = readings(100)
    batch[17]!.value = -1
    batch[64]!.sensor = 40_000 // no smallint
    const { refused } = await store.commit(batchOf(partition, 0, batch))
    assert.deepEqual(refused.map(({ index }) => index), [17, 64])
    assert.deepEqual(await sensorsIn(table), without(100, [17, 64]))
    const failures = await store.failuresAt([16, 17, 64].map((offset) => ({ topic: TOPIC, partition, offset })))
    failures.sort((a, b) => a.offset - b.offset)
    for (const [place, index] of [17, 64].entries()) {
      const { code, key, offset, eventTimeMs, traceId } = failures[place]!
      assert.deepEqual({ code, key, origin: { topic: TOPIC, partition, offset, eventTimeMs, traceId } }, { code: 'keep.refused-row', key: keyOf(batch[index]!), origin: originAt(partition, index) })
    }
    assert.match(failures[0]!.reason, /check constraint/)
    assert.match(failures[1]!.reason, /not a 16-bit integer: 40000/)
  })
}

test('without a key equal rows are rows of their own, in one batch and in later ones', async () => {
  await onServer(databaseUrl, 'delete from reading')
  const store = await openStore(keyless, 3)
  const [reading] = readings(1) as [Reading]
  assert.deepEqual(await store.commit(batchOf(3, 0, [reading, { ...reading }, reading])), { refused: [] })
  assert.deepEqual(await store.commit(batchOf(3, 3, [reading])), { refused: [] })
  assert.deepEqual(await sensorsIn('reading'), [0, 0, 0, 0])
})

test('without a key a batch that was stored is not stored again, since the progress is past it', async () => {
  await onServer(databaseUrl, 'delete from reading')
  const batch = batchOf(4, 0, readings(3))
  const first = await openStore(keyless, 4)
  await first.commit(batch)
  await assert.rejects(first.commit(batch), { name: 'RetryLater', code: 'sink.out-of-step' })
  const second = await openStore(keyless, 4)
  await assert.rejects(second.commit(batch), { name: 'RetryLater', code: 'sink.out-of-step' })
  assert.deepEqual(await sensorsIn('reading'), [0, 1, 2])
})
