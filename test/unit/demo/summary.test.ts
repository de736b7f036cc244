import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkExpectations, summarize } from '../../../cli/demo/summary.ts'
import { brokenItem, copy, copyItem, facts, failed, original, row } from './sample.ts'

const faults = (given: Parameters<typeof facts>[0]) => summarize(facts(given)).deviations.map(({ name, fault }) => [name, fault])

test('a set that was found as it was made has no deviations', () => {
  const summary = summarize(facts({
    items: [original('a.jpg'), copyItem('a-half.jpg', 'a.jpg'), brokenItem('empty.jpg', 'download.empty')],
    assets: [row('a.jpg'), copy('a-half.jpg', 'a.jpg')], failures: [failed('empty.jpg', 'download.empty')],
  }))
  assert.deepEqual(checkExpectations(summary), [])
  assert.deepEqual(summary.counts, { submitted: 3, stored: 2, failed: 1 })
  assert.equal(summary.byKind.image['near-copy'], 1)
})

test('a copy that was stored as an original is missed', () => {
  const items = [original('a.jpg'), copyItem('a-half.jpg', 'a.jpg')]
  assert.deepEqual(faults({ items, assets: [row('a.jpg'), row('a-half.jpg')] }), [['a-half.jpg', 'missed-copy']])
})

test('two different pictures taken for one are a false pair', () => {
  const items = [original('a.jpg'), original('b.jpg', 'city')]
  assert.deepEqual(faults({ items, assets: [row('a.jpg'), copy('b.jpg', 'a.jpg')] }), [['b.jpg', 'false-pair']])
})

test('a copy of one picture found as copy of another is a false pair, not a missed copy', () => {
  const items = [original('a.jpg'), original('b.jpg'), copyItem('a-half.jpg', 'a.jpg')]
  assert.deepEqual(faults({ items, assets: [row('a.jpg'), row('b.jpg'), copy('a-half.jpg', 'b.jpg')] }), [['a-half.jpg', 'false-pair']])
})

test('a copy that overtakes its original is still one picture with it', () => {
  const items = [original('a.jpg'), copyItem('a-half.jpg', 'a.jpg'), copyItem('a-meta.jpg', 'a.jpg', 'same-picture')]
  assert.deepEqual(faults({ items, assets: [row('a-half.jpg'), copy('a.jpg', 'a-half.jpg'), copy('a-meta.jpg', 'a-half.jpg')] }), [])
})

test('the same picture found as a near copy only is named as the weaker relation that it is', () => {
  const items = [original('a.jpg'), copyItem('a-meta.jpg', 'a.jpg', 'same-picture')]
  assert.deepEqual(faults({ items, assets: [row('a.jpg'), copy('a-meta.jpg', 'a.jpg', 'near-copy')] }), [['a-meta.jpg', 'weaker-relation']])
})

test('a crop may be found or not, but not as a copy of something else', () => {
  const crop = { ...copyItem('crop.jpg', 'a.jpg'), expect: { outcome: 'stored', of: 'a.jpg' } as const }
  const items = [original('a.jpg'), original('b.jpg'), crop]
  const others = [row('a.jpg'), row('b.jpg')]
  assert.deepEqual(faults({ items, assets: [...others, row('crop.jpg')] }), [])
  assert.deepEqual(faults({ items, assets: [...others, copy('crop.jpg', 'a.jpg')] }), [])
  assert.deepEqual(faults({ items, assets: [...others, copy('crop.jpg', 'b.jpg')] }), [['crop.jpg', 'false-pair']])
})

test('failures are held to their code', () => {
  const items = [brokenItem('x.jpg', 'download.html'), brokenItem('y.jpg', 'normalize.truncated'), original('z.jpg')]
  assert.deepEqual(
    faults({ items, assets: [row('y.jpg')], failures: [failed('x.jpg', 'download.empty'), failed('z.jpg', 'normalize.corrupt')] }),
    [['x.jpg', 'wrong-code'], ['y.jpg', 'unexpected-row'], ['z.jpg', 'unexpected-failure']],
  )
})

test('an item that came to nothing, and one that came to two things, break the sum and are named', () => {
  const given = { items: [original('a.jpg'), original('b.jpg'), original('c.jpg')], assets: [row('b.jpg')], failures: [failed('b.jpg', 'store.bad-row')] }
  assert.deepEqual(faults(given), [['a.jpg', 'lost'], ['b.jpg', 'counted-twice'], ['c.jpg', 'lost']])
  assert.match(checkExpectations(summarize(facts(given)))[0]!, /^3 items were submitted, but 1 rows and 1 failures/)
})

test('files of the user have no expectations, yet none may be lost', () => {
  const mine = { name: 'mine.jpg', kind: 'image' } as const
  assert.deepEqual(faults({ items: [mine], assets: [row('mine.jpg')] }), [])
  assert.deepEqual(faults({ items: [mine] }), [['mine.jpg', 'lost']])
})

test('a chain of copies that leads in a circle ends', () => {
  const items = [original('a.jpg'), original('b.jpg')]
  assert.equal(summarize(facts({ items, assets: [copy('a.jpg', 'b.jpg'), copy('b.jpg', 'a.jpg')] })).deviations.length, 2)
})

test('a copy of something that is no row of this run is a false pair under its id', () => {
  const summary = summarize(facts({ items: [original('a.jpg')], assets: [row('a.jpg', { relation: 'near-copy', of: 'elsewhere' })] }))
  assert.deepEqual(summary.deviations.map(({ fault, found }) => [fault, found]), [['false-pair', 'near-copy of elsewhere']])
  assert.equal(summary.duplicates[0]?.original, 'elsewhere')
})

test('copies are grouped by their original, nearest first', () => {
  const items = [original('a.jpg'), copyItem('far.jpg', 'a.jpg'), copyItem('near.jpg', 'a.jpg'), copyItem('same.jpg', 'a.jpg', 'same-bytes')]
  const assets = [row('a.jpg'), copy('far.jpg', 'a.jpg', 'near-copy', 9), copy('near.jpg', 'a.jpg', 'near-copy', 2), copy('same.jpg', 'a.jpg', 'same-bytes', 0)]
  const [group, ...others] = summarize(facts({ items, assets })).duplicates
  assert.equal(others.length, 0)
  assert.equal(group?.original, 'a.jpg')
  assert.deepEqual(group.copies.map(({ name, note }) => [name, note]), [['same.jpg', 'edited'], ['near.jpg', 'edited'], ['far.jpg', 'edited']])
})

test('purity weighs clusters by their size', () => {
  const items = [original('a', 'reef'), original('b', 'reef'), original('c', 'city'), original('d', 'city')]
  const assets = [row('a', { cluster: 1 }), row('b', { cluster: 1 }), row('c', { cluster: 1 }), row('d', { cluster: 2 })]
  const { clusters, purity } = summarize(facts({ items, assets }))
  assert.deepEqual(clusters.map(({ cluster, size, family, purity: own }) => [cluster, size, family, own]), [[1, 3, 'reef', 2 / 3], [2, 1, 'city', 1]])
  assert.equal(purity, 0.75)
})

test('clusters that mix the families are a problem, unknown families are none', () => {
  const assets = ['a', 'b', 'c', 'd'].map((name) => row(name, { cluster: 1 }))
  const mixed = summarize(facts({ items: ['reef', 'city', 'stone', 'cloth'].map((family, i) => original('abcd'[i]!, family)), assets }))
  assert.match(checkExpectations(mixed).join(), /Only 25 % of the assets/)
  const unknown = summarize(facts({ items: [...'abcd'].map((name) => ({ name, kind: 'image' as const })), assets }))
  assert.equal(unknown.purity, null)
  assert.deepEqual(checkExpectations(unknown), [])
})

test('commits are told by their middle and their largest', () => {
  assert.deepEqual(summarize(facts({ rowsPerCommit: [5, 1, 40] })).commits, { commits: 3, rows: 46, medianRows: 5, maxRows: 40 })
  assert.equal(summarize(facts({})).commits, null)
})

test('the summary is plain JSON', () => {
  const summary = summarize(facts({ items: [original('a.jpg')], assets: [row('a.jpg', { cluster: 3 })], rowsPerCommit: [1] }))
  assert.deepEqual(JSON.parse(JSON.stringify(summary)), summary)
})
