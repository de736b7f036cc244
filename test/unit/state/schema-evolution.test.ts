/** State outlives the schema of its changelog: entries of every version that was ever written are read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCodec, type Codec } from '#runtime/avro/codec.ts'
import { defineTopic, type State, type Topic } from '#runtime/api.ts'
import { MemoryRegistry } from '#runtime/memory/memory-registry.ts'
import { cluster } from '#processors/cluster/processor.ts'
import { dedupe } from '#processors/dedupe/processor.ts'
import type { ClusterPlaced, DedupeDecided } from '#schemas'
import { assertSameParts } from '#test/support/snapshot-parts.ts'
import { asset, frame, Stage } from '../dedupe/assets.ts'

interface Schema { fields: object[] }

/** The topic as the next version of its stage declares it: one more field, which old entries lack. */
function evolved<V>(topic: Topic<V>): Topic<V> {
  const { fields, ...rest } = topic.schema as Schema
  return defineTopic<V>({ ...topic, name: topic.name, keyOf: topic.keyOf, schema: { ...rest, fields: [...fields, { name: 'confidence', type: ['null', 'double'], default: null }] } })
}

/** Bytes as two versions of a stage write them by turns, each with its own schema id. */
async function mixed<V extends object>(topic: Topic<V>, entries: V[]): Promise<{ bytes: Buffer[]; older: Codec; newer: Codec; next: Topic<V> }> {
  const next = evolved(topic)
  const registry = new MemoryRegistry()
  for (const { name, schema } of [topic, next]) await registry.register(`${name}-value`, schema)
  const [older, newer] = [await openCodec(registry, [topic]), await openCodec(registry, [next])]
  const bytes = entries.map((entry, at) => (at % 3 === 2 ? newer.encode(next, { ...entry, confidence: 0.5 }) : older.encode(topic, entry)))
  assert.equal(new Set(bytes.map((value) => value.readUInt32BE(1))).size, 2, 'both schema ids are in the changelog')
  return { bytes, older, newer, next }
}

async function replay<V>(state: State<V>, codec: Codec, topic: Topic<V>, bytes: Buffer[]): Promise<void> {
  for (const value of bytes) state.apply(await codec.decode(topic, value))
}

function decisions(): DedupeDecided[] {
  const stage = new Stage()
  for (let number = 1; number <= 12; number++) stage.submit(asset(number, [frame(`motif ${number % 5}`)], { bytes: `${number % 7}` }))
  return stage.changelog
}

const placements: ClusterPlaced[] = Array.from({ length: 12 }, (_, at) => ({
  assetId: `asset ${at}`, sequence: at + 1, model: 'clip', cluster: 1 + (at % 4), similarity: 0.75, founded: at < 4,
  representative: at < 4 ? Buffer.from(Float16Array.from([0, 1, 2, 3], (axis) => (axis === at ? 1 : 0)).buffer) : null,
}))

for (const [what, entries, { changelog, open, snapshot }] of [['dedupe', decisions(), dedupe.state], ['cluster', placements, cluster.state]] as [string, never[], any][]) {
  test(`${what}: a changelog of two schemas gives the newer version the state that one schema would have given`, async () => {
    const { bytes, newer, next } = await mixed(changelog, entries)
    const [state, plain] = [open(), open()]
    await replay(state, newer, next, bytes)
    for (const entry of entries) plain.apply(entry)
    assertSameParts(snapshot.partsOf(state), snapshot.partsOf(plain))
  })

  test(`${what}: the older version, beside it or after a step back, reads what the newer one wrote`, async () => {
    const { bytes, older } = await mixed(changelog, entries)
    const [state, plain] = [open(), open()]
    await replay(state, older, changelog, bytes)
    for (const entry of entries) plain.apply(entry)
    assertSameParts(snapshot.partsOf(state), snapshot.partsOf(plain))
  })
}
