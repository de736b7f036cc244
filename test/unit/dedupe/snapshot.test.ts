import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dedupe } from '#processors/dedupe/processor.ts'
import { HashIndex } from '#processors/dedupe/hash-index.ts'
import { KeyTable } from '#processors/dedupe/key-table.ts'
import type { DedupeState } from '#processors/dedupe/state.ts'
import type { AssetFingerprinted, DedupeDecided } from '#schemas'
import { assertSameParts, copied, restored } from '#test/support/snapshot-parts.ts'
import { asset, frame, hash, Stage, turned } from './assets.ts'

const { partsOf, restore } = dedupe.state.snapshot!

/** Assets of few motifs: originals and copies of every relation, pictures, films and sounds. */
const submissions = fc.array(fc.record({
  motif: fc.nat(5), turn: fc.nat(40), bytes: fc.nat(12), kind: fc.constantFrom('image', 'image', 'video', 'audio'), quality: fc.constantFrom(100, 100, 20), length: fc.integer({ min: 1, max: 5 }),
}), { minLength: 1, maxLength: 40 })

type Submission = typeof submissions extends fc.Arbitrary<(infer T)[]> ? T : never

function assetOf({ motif, turn, bytes, kind, quality, length }: Submission, number: number): AssetFingerprinted {
  const name = `motif ${motif}`
  const frames = Array.from({ length: kind === 'audio' ? 0 : kind === 'image' ? 1 : length }, (_, at) => frame(`${name} ${at}`, {
    quality, ptsMicros: at * 1_000_000, pdq: turned(hash(`${name} ${at} pdq`), turn), blockhash: turned(hash(`${name} ${at} blockhash`), turn >> 1), pixels: hash(`${name} ${turn} ${at}`),
  }))
  const acoustic = kind === 'audio' ? Buffer.concat(Array.from({ length: length + 2 }, (_, part) => turned(hash(`${motif} ${part}`), turn))) : null
  return asset(number, frames, { kind, bytes: `${kind} ${bytes} ${motif}`, acoustic, durationMicros: kind === 'video' && turn % 2 ? length * 1_000_000 : null })
}

function stateOf(entries: DedupeDecided[], state = dedupe.state.open()): DedupeState {
  for (const entry of entries) state.apply(entry)
  return state
}

const sameState = (a: DedupeState, b: DedupeState): void => assertSameParts(partsOf(a), partsOf(b))

test('a snapshot and the entries since are the whole changelog, wherever it was taken and however many entries come again', async () => {
  await fc.assert(fc.asyncProperty(submissions, fc.nat(40), fc.nat(10), async (list, at, overlap) => {
    const stage = new Stage()
    list.map(assetOf).forEach((one) => stage.submit(one))
    const { changelog } = stage
    const rebuilt = await restored(copied(partsOf(stateOf(changelog.slice(0, at)))), restore)
    sameState(stateOf(changelog.slice(Math.max(0, at - overlap)), rebuilt), stateOf(changelog))
  }), { numRuns: 30 })
})

test('a stage that goes on from a snapshot answers as the one that never stopped', async () => {
  await fc.assert(fc.asyncProperty(submissions, submissions, async (before, after) => {
    const [steady, again] = [new Stage(), new Stage()]
    const assets = [...before, ...after].map(assetOf)
    assets.slice(0, before.length).forEach((one) => steady.submit(one))
    again.state = await restored(copied(partsOf(steady.state)), restore)
    again.changelog.push(...steady.changelog)
    assert.deepEqual(assets.map((one) => again.submit(one)), assets.map((one) => steady.submit(one)))
    assert.deepEqual(again.changelog, steady.changelog)
  }), { numRuns: 20 })
})

test('an empty state has a snapshot too', async () => {
  sameState(await restored(copied(partsOf(dedupe.state.open())), restore), dedupe.state.open())
})

test('an index of several segments, some sorted and one half sorted, comes back and grows as before', async () => {
  const code = (number: number): Uint32Array => Uint32Array.from({ length: 8 }, (_, word) => Math.imul(number + 1, 0x9e3779b1 + word * 0x85ebca6b) >>> 0)
  // Segments of 16 codes: three full, and five in the fourth, by which the third had five of its bands sorted.
  const index = new HashIndex(4)
  for (let number = 0; number < 53; number++) index.add(code(number))
  const back = new HashIndex(4)
  await restored(copied(index.parts()), (parts) => back.restore(parts))
  for (let number = 53; number < 100; number++) assert.equal(back.add(code(number)), index.add(code(number)))
  assertSameParts(back.parts(), index.parts())
  for (let number = 0; number < 100; number++) assert.ok(back.search(code(number), 16).some(({ item, distance }) => item === number && distance === 0))
})

test('a table of several segments comes back and grows as before', async () => {
  const table = new KeyTable(2, 8)
  for (let number = 0; number < 700; number++) table.add(Uint32Array.of(number % 500, 7))
  const back = new KeyTable(2, 8)
  await restored(copied(table.parts()), (parts) => back.restore(parts))
  for (let number = 700; number < 1_000; number++) assert.equal(back.add(Uint32Array.of(number, 7)), table.add(Uint32Array.of(number, 7)))
  assert.equal(back.find(Uint32Array.of(499, 7)), 499)
  assert.equal(back.find(Uint32Array.of(999, 7)), 999)
  assert.equal(back.find(Uint32Array.of(500, 7)), undefined)
})
