import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Halt } from '#runtime/api.ts'
import { dedupe } from '#processors/dedupe/processor.ts'
import type { AssetFingerprinted, DedupeDecided } from '#schemas'
import { asset, frame, hash, id, Stage, turned } from './assets.ts'

/** Pictures of few motifs, more or less edited, some byte for byte again; videos and sounds of the same. */
const submissions = fc.array(fc.record({
  motif: fc.nat(3), pdq: fc.nat(40), blockhash: fc.nat(20), from: fc.nat(100), bytes: fc.nat(12), kind: fc.constantFrom('image', 'video', 'audio'),
  quality: fc.constantFrom(100, 100, 100, 20),
}), { minLength: 1, maxLength: 40 })

type Submission = typeof submissions extends fc.Arbitrary<(infer T)[]> ? T : never

function assetOf({ motif, pdq, blockhash, from, bytes, kind, quality }: Submission, number: number): AssetFingerprinted {
  const name = `motif ${motif}`
  const look = { quality, pdq: turned(hash(`${name} pdq`), pdq, from), blockhash: turned(hash(`${name} blockhash`), blockhash, from), pixels: hash(`${motif} ${pdq}`) }
  const acoustic = Buffer.concat(['a', 'b', 'c', 'd', 'e'].map((part) => turned(hash(`${motif} ${part}`), pdq, from)))
  const frames = kind === 'audio' ? [] : kind === 'image' ? [frame(name, look)] : [0, 1, 2].map((at) => frame(`${name} ${at}`, { ...look, ptsMicros: at, pdq: turned(look.pdq, 64 * at) }))
  return asset(number, frames, { kind, bytes: `${kind} ${bytes} ${motif} ${pdq}`, acoustic: kind === 'audio' ? acoustic : null })
}

test('asked again about a decided asset, it repeats its answer and remembers nothing, also after a restart', () => {
  fc.assert(fc.property(submissions, (list) => {
    const stage = new Stage()
    const assets = list.map(assetOf)
    const answers = assets.map((one) => stage.submit(one))
    const entries = stage.changelog.length
    assert.deepEqual(assets.map((one) => stage.submit(one)), answers)
    stage.restart()
    assert.deepEqual(assets.map((one) => stage.submit(one)), answers)
    assert.equal(stage.changelog.length, entries)
    assert.equal(entries, assets.length)
  }), { numRuns: 60 })
})

test('a restart in the middle changes no later answer', () => {
  fc.assert(fc.property(submissions, fc.nat(40), (list, at) => {
    const [steady, restarted] = [new Stage(), new Stage()]
    const assets = list.map(assetOf)
    const answers = assets.map((one) => steady.submit(one))
    const others = assets.map((one, number) => {
      if (number === at) restarted.restart()
      return restarted.submit(one)
    })
    assert.deepEqual(others, answers)
    assert.deepEqual(restarted.changelog, steady.changelog)
  }), { numRuns: 60 })
})

test('a copy always names an original', () => {
  fc.assert(fc.property(submissions, (list) => {
    const stage = new Stage()
    const originals = new Set<string>()
    list.map(assetOf).forEach((one) => {
      const { relation, of } = stage.submit(one)
      if (relation === 'original') originals.add(one.assetId)
      else assert.ok(originals.has(of!))
    })
  }), { numRuns: 60 })
})

test('nothing of a record\'s memory is kept: the fetch buffer may be reused', () => {
  const stage = new Stage()
  const shared = hash('cat pdq')
  const buffers = Buffer.concat([shared, hash('cat blockhash')])
  stage.submit(asset(1, [frame('cat', { pdq: buffers.subarray(0, 32), blockhash: buffers.subarray(32) })]))
  buffers.fill(0)
  assert.equal(stage.submit(asset(2, [frame('edited', { pdq: turned(hash('cat pdq'), 2), blockhash: hash('cat blockhash') })])).of, id(1))
})

test('sequences count decisions from 1', () => {
  const stage = new Stage()
  for (let number = 1; number <= 3; number++) stage.submit(asset(number, [frame(`${number}`)]))
  stage.restart()
  stage.submit(asset(4, [frame('4')]))
  assert.deepEqual(stage.changelog.map((entry) => entry.sequence), [1, 2, 3, 4])
})

const copyOfNobody: DedupeDecided = {
  assetId: id(2), sequence: 1, kind: 'image', content: hash('x'), relation: 'near-copy', of: id(1), distance: 2, evidence: '',
  matched: null, timeOffsetMicros: null, frames: [], acoustic: null, durationMicros: null,
}

for (const [what, entry] of Object.entries({
  'names an unknown original': copyOfNobody,
  'holds an unknown relation': { ...copyOfNobody, relation: 'cousin' },
})) {
  test(`a changelog that ${what} halts the stage`, () => {
    assert.throws(() => dedupe.state.open().apply(entry), (error) => error instanceof Halt && error.code === 'dedupe.broken-changelog')
  })
}
