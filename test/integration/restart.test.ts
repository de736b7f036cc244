/** Each stage is stopped and started in the middle of work: the others go on, and nothing is lost or doubled. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Stages } from '#cli/stages.ts'
import { topology } from '#topology'
import { eventually } from '#test/support/eventually.ts'
import { photo } from '#test/support/media.ts'
import { onServer } from '#test/support/database.ts'
import { openPipeline, type Pipeline } from '#test/support/pipeline.ts'
import { sizeOfTopic } from '#test/support/read-topic.ts'

let pipeline: Pipeline
const running = new Map<string, Stages>()

before(async () => {
  pipeline = await openPipeline()
  for (const { name } of topology.stages) running.set(name, pipeline.start(name))
  await Promise.all([...running.values()].map(({ started }) => started))
}, { timeout: 120_000 })
after(() => pipeline?.close(), { timeout: 60_000 })

async function storedCount(): Promise<number> {
  return (await pipeline.catalogue.counts()).assets
}

let seed = 100
async function submitSome(count: number): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n++) ids.push(await pipeline.producer.submit({ bytes: await photo(seed++) }))
  return ids
}

test('a stage that is stopped holds back its own work only, and drains it when it is back', { timeout: 120_000 }, async () => {
  await running.get('tag')!.stop()
  const before = await storedCount()
  const ids = await submitSome(4)
  await eventually(async () => assert.ok(await sizeOfTopic(pipeline.connection, 'asset.embedded') >= before + 4, 'the stages above go on'))
  assert.equal(await storedCount(), before)
  running.set('tag', pipeline.start('tag'))
  await Promise.all(ids.map((id) => pipeline.producer.waitUntilStored(id, { timeoutMs: 60_000 })))
})

test('every stage is restarted in the middle of a stream of submissions, and each becomes one row', { timeout: 240_000 }, async () => {
  const before = await storedCount()
  const ids: string[] = []
  for (const { name } of topology.stages) {
    ids.push(...(await submitSome(4)))
    await running.get(name)!.stop()
    running.set(name, pipeline.start(name))
    ids.push(...(await submitSome(2)))
  }
  await eventually(async () => assert.equal(await storedCount(), before + ids.length), 90_000)
  const [{ n }] = await onServer<{ n: string }>(pipeline.config.databaseUrl, 'select count(distinct id)::text as n from asset where id = any($1)', [ids]) as [{ n: string }]
  assert.equal(Number(n), ids.length)
})

test('a stage that is started twice shares its work, and the second takes over when the first leaves', { timeout: 120_000 }, async () => {
  const second = pipeline.start('fingerprint', 'dedupe')
  await second.started
  const ids = await submitSome(6)
  await Promise.all(ids.map((id) => pipeline.producer.waitUntilStored(id, { timeoutMs: 60_000 })))
  await running.get('fingerprint')!.stop()
  await running.get('dedupe')!.stop()
  const more = await submitSome(6)
  await Promise.all(more.map((id) => pipeline.producer.waitUntilStored(id, { timeoutMs: 60_000 })))
})
