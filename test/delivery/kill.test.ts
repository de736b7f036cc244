/** Every stage is killed (SIGKILL) once in the middle of work, in an order drawn from a seed; nothing is lost or doubled. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { seeded } from '../../cli/demo/media/random.ts'
import { systemClock } from '#runtime/clock.ts'
import { topology } from '#topology'
import { onServer } from '#test/support/database.ts'
import { eventually } from '#test/support/eventually.ts'
import { photo, withDescription } from '#test/support/media.ts'
import { openPipeline, type Pipeline } from '#test/support/pipeline.ts'
import { readTopic, sizeOfTopic } from '#test/support/read-topic.ts'
import { startStageProcesses, type StageProcesses } from '#test/support/stage-processes.ts'

const PICTURES = 20
const COPIES_OF_EACH = 9

const seed = process.env['SLUICE_TEST_SEED'] ?? String(Date.now())
let pipeline: Pipeline
let stages: StageProcesses

before(async () => {
  pipeline = await openPipeline()
  stages = startStageProcesses(pipeline.config)
}, { timeout: 60_000 })
after(async () => {
  await stages?.stop()
  await pipeline?.close()
}, { timeout: 90_000 })

/** The picture's number by asset id: what was submitted. */
const submitted = new Map<string, number>()

async function submitAll(): Promise<void> {
  const pictures = await Promise.all(Array.from({ length: PICTURES }, (_, n) => photo(500 + n)))
  for (let copy = 0; copy <= COPIES_OF_EACH; copy++) {
    for (const [picture, bytes] of pictures.entries()) {
      const id = await pipeline.producer.submit({ bytes: copy === 0 ? bytes : withDescription(bytes, `copy ${copy}`) })
      submitted.set(id, picture)
      await systemClock.sleep(100)
    }
  }
}

async function killEachOnce(): Promise<string[]> {
  const random = seeded(seed)
  const order = topology.stages.map(({ name }) => ({ name, at: random.next() })).sort((a, b) => a.at - b.at).map(({ name }) => name)
  for (const name of order) {
    await systemClock.sleep(1_000 + random.next() * 2_000)
    await stages.killAndRestart(name)
  }
  return order
}

test(`each of the stages is killed once in the middle of work (seed ${seed})`, { timeout: 300_000 }, async (t) => {
  const [, order] = await Promise.all([submitAll(), killEachOnce()])
  t.diagnostic(`killed in this order: ${order.join(', ')}`)
  await eventually(async () => assert.equal((await pipeline.catalogue.counts()).assets, submitted.size), 180_000)
})

test('every submission is one row, and nothing failed', { timeout: 30_000 }, async () => {
  const rows = await onServer<{ id: string }>(pipeline.config.databaseUrl, 'select id from asset')
  assert.deepEqual(rows.map(({ id }) => id).sort(), [...submitted.keys()].sort())
  assert.deepEqual((await pipeline.catalogue.counts()).failures, [])
})

test('each picture has one original, and all of its copies name it', { timeout: 30_000 }, async () => {
  const rows = await onServer<{ id: string; canonical_id: string | null }>(pipeline.config.databaseUrl, 'select id, canonical_id from asset')
  const originals = new Map<number, Set<string>>()
  for (const { id, canonical_id } of rows) {
    const picture = submitted.get(id)!
    originals.set(picture, (originals.get(picture) ?? new Set()).add(canonical_id ?? id))
  }
  assert.deepEqual([...originals].filter(([, ids]) => ids.size !== 1), [])
})

test('a topic may hold a record twice, but never two that contradict each other (I3)', { timeout: 120_000 }, async (t) => {
  for (const { name } of topology.typed.filter(({ cleanup }) => cleanup === 'delete')) {
    const isEmpty = (await sizeOfTopic(pipeline.connection, name)) === 0
    const records = isEmpty ? [] : await readTopic(pipeline.connection, name)
    const byEvent = Map.groupBy(records, ({ headers }) => headers.get('event-id')!.toString())
    for (const [event, same] of byEvent) {
      for (const record of same) assert.deepEqual(record.value, same[0]!.value, `${name}: event ${event} has two values`)
    }
    t.diagnostic(`${name}: ${records.length} records of ${byEvent.size} events`)
    assert.equal(byEvent.size, name === 'asset.failed' ? 0 : submitted.size, name)
  }
})
