import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ClusterPlaced } from '#schemas'
import { cluster } from '#processors/cluster/processor.ts'
import { BLOCK_ROWS, Space } from '#processors/cluster/space.ts'
import type { ClusterState } from '#processors/cluster/state.ts'
import { assertSameParts, copied, restored } from '#test/support/snapshot-parts.ts'
import { halves, Random, randomUnit } from './vectors.ts'

const { partsOf, restore } = cluster.state.snapshot!

/** Placements of 40 assets by two models; some are representatives. */
const changelogs = fc.array(fc.record({
  asset: fc.nat(40), model: fc.constantFrom('clip', 'other'), cluster: fc.integer({ min: 1, max: 9 }), isRepresentative: fc.boolean(), seed: fc.nat(1_000),
}), { maxLength: 60 }).map((list): ClusterPlaced[] => list
  // Each asset is placed once by a model.
  .filter(({ asset, model }, at) => list.findIndex((other) => other.asset === asset && other.model === model) === at)
  .map(({ asset, model, cluster, isRepresentative, seed }, at) => ({
    assetId: `asset ${asset}`, sequence: at + 1, model, cluster, similarity: 0.5 + seed / 2_048, founded: isRepresentative,
    representative: isRepresentative ? halves(randomUnit(new Random(seed), 32)) : null,
  })))

function stateOf(entries: ClusterPlaced[], state = cluster.state.open()): ClusterState {
  for (const entry of entries) state.apply(entry)
  return state
}

const sameState = (a: ClusterState, b: ClusterState): void => assertSameParts(partsOf(a), partsOf(b))

test('a snapshot and the entries since are the whole changelog, wherever it was taken and however many entries come again', async () => {
  await fc.assert(fc.asyncProperty(changelogs, fc.nat(60), fc.nat(10), async (changelog, at, overlap) => {
    const rebuilt = stateOf(changelog.slice(Math.max(0, at - overlap)), await restored(copied(partsOf(stateOf(changelog.slice(0, at)))), restore))
    const whole = stateOf(changelog)
    sameState(rebuilt, whole)
    assert.deepEqual([rebuilt.nextSequence, rebuilt.nextCluster], [whole.nextSequence, whole.nextCluster])
    for (const { assetId, model, cluster } of changelog) {
      assert.deepEqual(rebuilt.placementOf(assetId, model), whole.placementOf(assetId, model))
      assert.equal(rebuilt.representativesOf(model, cluster!), whole.representativesOf(model, cluster!))
    }
    const query = randomUnit(new Random(7), 32)
    for (const model of ['clip', 'other']) assert.deepEqual(rebuilt.nearest(model, query, -1), whole.nearest(model, query, -1))
  }), { numRuns: 100 })
})

test('an entry that is applied again does not make its asset a representative twice', () => {
  const entry: ClusterPlaced = { assetId: 'a', sequence: 1, model: 'clip', cluster: 1, similarity: 1, founded: true, representative: halves([1, 0, 0, 0]) }
  assert.equal(stateOf([entry, entry]).representativesOf('clip', 1), 1)
})

for (const rows of [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 2 * BLOCK_ROWS + 5]) {
  test(`a space of ${rows} vectors finds after its restore what it found before, and grows as before`, async () => {
    const random = new Random(3)
    const space = new Space(24)
    for (let row = 0; row < rows; row++) space.add(randomUnit(random, 24))
    const back = await restored(copied(space.parts()), (parts) => Space.restore(parts))
    assert.equal(back.rows, rows)
    for (let more = 0; more < 3; more++) {
      const vector = randomUnit(random, 24)
      space.add(vector)
      back.add(vector)
    }
    assertSameParts(back.parts(), space.parts())
    for (let asked = 0; asked < 20; asked++) {
      const query = randomUnit(random, 24)
      assert.deepEqual(back.nearest(query, -1), space.nearest(query, -1))
    }
  })
}
