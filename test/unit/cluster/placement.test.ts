import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { AssetClustered, AssetTagged, ClusterPlaced, Placement } from '#schemas'
import { cluster } from '#processors/cluster/processor.ts'
import { ClusterState } from '#processors/cluster/state.ts'
import type { ModelCards } from '../../../models/service.ts'
import { halves, Random, randomUnit } from './vectors.ts'

const THRESHOLDS: Record<string, number> = { clip: 0.72, other: 0.72 }
const models = { card: (id: string) => ({ clusterThreshold: THRESHOLDS[id] }) } as unknown as ModelCards

/** A vector in the plane: its cosine with another is that of the difference of their angles. */
function at(degrees: number): number[] {
  return [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180), 0, 0]
}

function asset(assetId: string, vector: ArrayLike<number> | null, model = 'clip'): AssetTagged {
  const embedding = vector && { model, weightsSha256: Buffer.alloc(32), dimensions: vector.length, vector: halves(vector), frames: [] }
  return { assetId, embedding } as unknown as AssetTagged
}

/** Decides and remembers, as the runtime does. */
class Run {
  readonly state = new ClusterState()
  readonly changelog: ClusterPlaced[] = []

  place(value: AssetTagged): Placement | null {
    const { write, remember } = cluster.decide(value, this.state, { models } as never)
    for (const entry of remember as ClusterPlaced[]) {
      this.changelog.push(entry)
      this.state.apply(entry)
    }
    return (write[0]!.value as AssetClustered).placement
  }
}

describe('placing an asset', () => {
  test('the first founds cluster 1, a stranger the next', () => {
    const run = new Run()
    assert.deepEqual(run.place(asset('a', at(0))), { cluster: 1, similarity: 1, model: 'clip', founded: true })
    assert.deepEqual(run.place(asset('b', at(90))), { cluster: 2, similarity: 1, model: 'clip', founded: true })
  })

  test('an asset joins from the threshold on: cos 43.9 degrees is 0.7206, cos 44.1 is 0.7181', () => {
    const run = new Run()
    run.place(asset('a', at(0)))
    assert.equal(run.place(asset('b', at(-43.9)))!.cluster, 1)
    assert.equal(run.place(asset('c', at(44.1)))!.cluster, 2)
  })

  test('the nearest representative decides, not the first that is near enough', () => {
    const run = new Run()
    run.place(asset('a', at(0)))
    run.place(asset('b', at(60)))
    const { cluster: joined, similarity } = run.place(asset('c', at(35)))!
    assert.equal(joined, 2)
    // cos 25 degrees, in vectors rounded to half precision.
    assert.ok(Math.abs(similarity - 0.9063) < 0.001)
  })

  test('the same vector joins with similarity 1, so a copy is where its original is', () => {
    const run = new Run()
    const vector = randomUnit(new Random(1), 512)
    run.place(asset('a', vector))
    const placement = run.place(asset('b', vector))!
    assert.equal(placement.cluster, 1)
    assert.ok(placement.similarity > 0.999 && placement.similarity <= 1)
    assert.equal(placement.founded, false)
  })

  test('an asset that joins from afar becomes a representative, one that joins from near does not', () => {
    const run = new Run()
    run.place(asset('a', at(0)))
    run.place(asset('near', at(10)))
    run.place(asset('far', at(40)))
    assert.deepEqual(run.changelog.map(({ representative }) => representative !== null), [true, false, true])
    // 75 degrees from the founder, 35 from the second representative.
    assert.equal(run.place(asset('d', at(75)))!.cluster, 1)
  })

  test('clusters do not creep: what is far from the founder joins, but represents nothing', () => {
    const run = new Run()
    for (const degrees of [0, 40, 80, 120, 160]) run.place(asset(`at ${degrees}`, at(degrees)))
    assert.deepEqual(run.changelog.map(({ cluster }) => cluster), [1, 1, 1, 2, 2])
    assert.deepEqual(run.changelog.map(({ representative }) => representative !== null), [true, true, false, true, true])
  })

  test('a cluster has at most four representatives', () => {
    const run = new Run()
    run.place(asset('founder', [1, 0, 0, 0, 0, 0, 0, 0]))
    // Each 40 degrees from the founder, in a direction of its own: 54 degrees from one another.
    for (let axis = 1; axis < 8; axis++) {
      const vector = new Array<number>(8).fill(0)
      ;[vector[0], vector[axis]] = [at(40)[0]!, at(40)[1]!]
      run.place(asset(`axis ${axis}`, vector))
    }
    assert.deepEqual(new Set(run.changelog.map(({ cluster }) => cluster)), new Set([1]))
    assert.equal(run.changelog.filter(({ representative }) => representative !== null).length, 4)
  })

  test('sound has no placement and is not remembered', () => {
    const run = new Run()
    assert.equal(run.place(asset('sound', null)), null)
    assert.deepEqual(run.changelog, [])
  })

  test('clusters of two models never mix, nor do their numbers', () => {
    const run = new Run()
    run.place(asset('a', at(0), 'clip'))
    assert.deepEqual(run.place(asset('b', at(0), 'other')), { cluster: 2, similarity: 1, model: 'other', founded: true })
    assert.equal(run.place(asset('c', at(5), 'clip'))!.cluster, 1)
  })

  for (const [what, vector] of [['no direction', [0, 0, 0, 0]], ['a number that is none', [NaN, 1, 0, 0]], ['an infinite number', [Infinity, 1, 0, 0]], ['another length', [1, 0, 0]], ['no numbers', []]] as const) {
    test(`a vector with ${what} is rejected`, () => {
      const run = new Run()
      run.place(asset('a', at(0)))
      assert.throws(() => run.place(asset('b', vector)), { name: 'Reject', code: 'cluster.bad-vector' })
    })
  }
})

describe('answering again (I5)', () => {
  const arrivals = fc.array(fc.record({ id: fc.integer({ min: 0, max: 30 }), degrees: fc.integer({ min: 0, max: 359 }) }), { maxLength: 60 })
  const valueOf = ({ id, degrees }: { id: number; degrees: number }) => asset(`asset ${id}`, at(degrees + id / 7))

  test('an asset that was placed gets the same answer, and nothing more is remembered', () => {
    fc.assert(fc.property(arrivals, (list) => {
      const run = new Run()
      const first = new Map<string, Placement | null>()
      for (const arrival of list) {
        const value = valueOf(arrival)
        const placement = run.place(value)
        if (!first.has(value.assetId)) first.set(value.assetId, placement)
        assert.deepEqual(placement, first.get(value.assetId))
      }
      assert.equal(run.changelog.length, first.size)
      assert.deepEqual(run.changelog.map(({ sequence }) => sequence), run.changelog.map((_, i) => i + 1))
    }))
  })

  test('a state rebuilt from its changelog goes on as the old one would have', () => {
    fc.assert(fc.property(arrivals, arrivals, (before, after) => {
      const run = new Run()
      before.forEach((arrival) => run.place(valueOf(arrival)))
      const rebuilt = new Run()
      run.changelog.forEach((entry) => rebuilt.state.apply(structuredCloneOf(entry)))
      const answers = (on: Run) => [...after, ...before].map((arrival) => on.place(valueOf(arrival)))
      assert.deepEqual(answers(rebuilt), answers(run))
    }))
  })

  test('the same order of arrival gives the same clusters', () => {
    fc.assert(fc.property(arrivals, (list) => {
      const answers = () => {
        const run = new Run()
        return list.map((arrival) => run.place(valueOf(arrival)))
      }
      assert.deepEqual(answers(), answers())
    }))
  })

  /** As it comes off the wire: buffers of its own, at odd addresses. */
  function structuredCloneOf(entry: ClusterPlaced): ClusterPlaced {
    const shifted = entry.representative && Buffer.concat([Buffer.of(0), entry.representative]).subarray(1)
    return { ...entry, representative: shifted }
  }
})
