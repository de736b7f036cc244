import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BANDS, bandOf, bandsOf, probesFor, radiiFor } from '#processors/dedupe/bands.ts'
import { bytesOf, codeOf, distance, popcount } from '#processors/dedupe/code.ts'
import { HashIndex } from '#processors/dedupe/hash-index.ts'
import { queryFor, Segment } from '#processors/dedupe/segment.ts'

const word = fc.integer({ min: 0, max: 0xffffffff })
const code = fc.array(word, { minLength: 8, maxLength: 8 }).map((words) => Uint32Array.from(words))

/** A repeatable stream of codes (xorshift32); `skew` of their words are always the same. */
function codes(count: number, seed: number, skew = 0): Uint32Array[] {
  let state = seed || 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  return Array.from({ length: count }, () => Uint32Array.from({ length: 8 }, (_, at) => (at < skew ? 0x5a5a5a5a : next())))
}

function flipped(from: Uint32Array, bits: number[]): Uint32Array {
  const copy = Uint32Array.from(from)
  for (const bit of bits) copy[bit >> 5]! ^= 1 << (bit & 31)
  return copy
}

function bruteForce(all: Uint32Array[], asked: Uint32Array, limit: number): string[] {
  return all.flatMap((known, item) => (distance(asked, known) <= limit ? [`${item}:${distance(asked, known)}`] : []))
}

const told = (matches: { item: number; distance: number }[]): string[] =>
  matches.sort((a, b) => a.item - b.item).map(({ item, distance: bits }) => `${item}:${bits}`)

test('a code survives the way to words and back', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
    assert.deepEqual(bytesOf(codeOf(bytes)), Buffer.from(bytes))
  }))
})

test('distance counts differing bits', () => {
  assert.equal(popcount(0xffffffff), 32)
  assert.equal(popcount(0b1011), 3)
  assert.equal(distance(codeOf(Buffer.alloc(32)), codeOf(Buffer.alloc(32, 0x81))), 64)
})

test('the bands together hold every bit once', () => {
  fc.assert(fc.property(code, fc.integer({ min: 0, max: 255 }), (from, bit) => {
    const [before, after] = [bandsOf(from), bandsOf(flipped(from, [bit]))]
    assert.equal(before.reduce((sum, band, at) => sum + popcount(band ^ after[at]!), 0), 1)
    assert.deepEqual([...before], Array.from({ length: BANDS }, (_, band) => bandOf(band, from) >>> 0))
  }))
})

test('the radii of the bands leave no room for a code within the limit: their sum of (r + 1) is the limit + 1', () => {
  for (let limit = 0; limit <= 40; limit++) {
    assert.equal(radiiFor(limit).reduce((sum, radius) => sum + radius + 1, 0), limit + 1)
  }
})

test('look-ups: 11 for 10 bits, 149 for 16, 2,843 for 31', () => {
  // Three bands have 24 bits, eight 23. For 16, six narrow bands are searched one bit deep: 5 + 6 * 24.
  // For 31, ten bands two bits deep and a wide one one bit deep: 8 * (1 + 23 + 253) + 2 * (1 + 24 + 276) + 25.
  assert.deepEqual([10, 16, 31].map((limit) => queryFor(new Uint32Array(8), limit).probes.values.length), [11, 149, 2_843])
})

test('a band is looked up at each value within its radius, once', () => {
  const { values, starts } = probesFor(new Uint32Array(BANDS).fill(0b101), [2, ...new Array<number>(BANDS - 1).fill(-1)])
  // Band 0 has 24 bits: 1 + 24 + 24 * 23 / 2 values; the others are not searched.
  assert.deepEqual([...starts], [0, ...new Array<number>(BANDS).fill(301)])
  assert.equal(new Set(values).size, 301)
  assert.ok(values.every((value) => popcount(value ^ 0b101) <= 2))
})

const FULL = 14
const all = codes(1 << FULL, 7)
const growing = new Segment(FULL)
const sorted = new Segment(FULL)
const halfSorted = new Segment(FULL)
for (const known of all) [growing, sorted, halfSorted].forEach((segment) => segment.add(known))
for (let band = 0; band < BANDS; band++) sorted.settle()
for (let band = 0; band < 5; band++) halfSorted.settle()

for (const [name, segment] of Object.entries({ growing, sorted, 'half sorted': halfSorted })) {
  test(`a ${name} segment finds by its bands what brute force finds`, () => {
    const near = fc.tuple(fc.nat((1 << FULL) - 1), fc.array(fc.nat(255), { maxLength: 20 }), fc.integer({ min: 0, max: 16 }))
    fc.assert(fc.property(near, ([item, bits, limit]) => {
      const asked = flipped(all[item]!, bits)
      const found = segment.walk(queryFor(asked, limit))
      assert.ok(found, 'the walk gave up on even data')
      assert.deepEqual(told(found), bruteForce(all, asked, limit))
    }), { numRuns: 150 })
  })
}

test('an index of several segments, full and growing, finds what brute force finds', () => {
  const index = new HashIndex(10)
  const known = codes(5_000, 3)
  for (const one of known) index.add(one)
  fc.assert(fc.property(fc.nat(4_999), fc.array(fc.nat(255), { maxLength: 24 }), fc.nat(24), (item, bits, limit) => {
    const asked = flipped(known[item]!, bits)
    assert.deepEqual(told(index.search(asked, limit)), bruteForce(known, asked, limit))
  }), { numRuns: 150 })
})

test('skewed codes are found all the same, by scanning, and that is counted', () => {
  const index = new HashIndex(12)
  const known = codes(4_096, 11, 6)
  for (const one of known) index.add(one)
  const asked = flipped(known[99]!, [200, 250])
  assert.deepEqual(told(index.search(asked, 10)), bruteForce(known, asked, 10))
  assert.equal(index.scansForSkew, 1)
})
