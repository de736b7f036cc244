import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Coder, codeBytesFor, FACTORS } from '#processors/cluster/bit-codes.ts'
import { openKernels, PLANES } from '#processors/cluster/kernels.ts'
import { PlacedAssets } from '#processors/cluster/placed-assets.ts'
import { Rotation } from '#processors/cluster/rotation.ts'
import { BLOCK_ROWS, Space } from '#processors/cluster/space.ts'
import { dot, randomUnit, Random, unit } from './vectors.ts'

describe('the kernels', () => {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 65_536 })
  const kernels = openKernels(memory)
  const floats = new Float32Array(memory.buffer)
  const bytes = new Uint8Array(memory.buffer)

  test('dot products of whole numbers are exact', () => {
    // Query 1, 2, ..., 32; rows all ones, and 32, 31, ..., 1: sums 528 and 5,984.
    for (let i = 0; i < 32; i++) {
      floats[i] = i + 1
      floats[1_024 + i] = 1
      floats[1_024 + 32 + i] = 32 - i
    }
    kernels.dots(4_096, 2, 128, 0, 65_536)
    assert.deepEqual([...floats.subarray(16_384, 16_386)], [528, 5_984])
  })

  for (const codeBytes of [16, 64, 256]) {
    test(`bit sums of ${codeBytes * 8} bits are those counted one by one`, () => {
      const random = new Random(codeBytes)
      const numbers = Array.from({ length: codeBytes * 8 }, () => Math.floor(random.uniform() * 16))
      // The fullest code of the largest numbers would overflow first.
      const codes = [() => random.uniform() < 0.5, () => true, () => false].map((isSet) => numbers.map(isSet))
      writeNumbers(numbers, codeBytes)
      codes.forEach((code, c) => writeBits(code, 32_768 + c * codeBytes))
      kernels.bitSums(32_768, 3, codeBytes, 0, 65_536)
      const expected = codes.map((code) => code.reduce((sum, isSet, i) => sum + (isSet ? numbers[i]! : 0), 0))
      assert.deepEqual([...new Int32Array(memory.buffer, 65_536, 3)], expected)
    })
  }

  test('bit sums of 2,048 highest numbers do not overflow', () => {
    writeNumbers(new Array(2_048).fill(15), 256)
    writeBits(new Array(2_048).fill(true), 32_768)
    kernels.bitSums(32_768, 1, 256, 0, 65_536)
    assert.equal(new Int32Array(memory.buffer, 65_536, 1)[0], 2_048 * 15)
  })

  function writeNumbers(numbers: number[], codeBytes: number): void {
    for (let plane = 0; plane < PLANES; plane++) writeBits(numbers.map((number) => (number & (1 << plane)) !== 0), plane * codeBytes)
  }

  function writeBits(bits: boolean[], at: number): void {
    bytes.fill(0, at, at + bits.length / 8)
    bits.forEach((isSet, i) => { if (isSet) bytes[at + (i >> 3)]! |= 1 << (i & 7) })
  }
})

describe('the rotation', () => {
  test('keeps dot products', () => {
    const random = new Random(1)
    const [a, b] = [randomUnit(random, 512), randomUnit(random, 512)]
    const expected = dot(a, b)
    const rotation = new Rotation(512)
    rotation.apply(a)
    rotation.apply(b)
    assert.ok(Math.abs(dot(a, b) - expected) < 1e-5)
  })

  test('spreads even a vector of a single number over all', () => {
    const vector = new Float32Array(512)
    vector[7] = 1
    new Rotation(512).apply(vector)
    assert.ok(Math.max(...vector.map(Math.abs)) < 0.3)
  })
})

describe('codes', () => {
  for (const dimensions of [100, 512, 576]) {
    test(`never bound a cosine of ${dimensions} numbers from below`, () => {
      const random = new Random(dimensions)
      const centre = randomUnit(random, dimensions).map((x) => x * 0.6)
      const coder = new Coder(centre)
      const codeBytes = codeBytesFor(dimensions)
      const factors = new Float32Array(FACTORS)
      let loosest = 0
      for (let n = 0; n < 500; n++) {
        const vector = unit(randomUnit(random, dimensions).map((x, i) => x + centre[i]!))
        const query = unit(vector.map((x) => x + ((n % 5) * random.normal()) / Math.sqrt(dimensions)))
        const [code, planes] = [new Uint8Array(codeBytes), new Uint8Array(codeBytes * PLANES)]
        coder.encode(vector, code, factors, 0)
        const prepared = coder.prepare(query, planes)
        const bound = prepared.bound(bitSum(code, planes, codeBytes), factors, 0)
        assert.ok(bound >= dot(query, vector), `${bound} < ${dot(query, vector)}`)
        loosest = Math.max(loosest, bound - dot(query, vector))
      }
      assert.ok(loosest < 1, `a bound ${loosest} above the truth rules nothing out`)
    })
  }

  test('hold for a vector at the centre itself', () => {
    const centre = randomUnit(new Random(5), 512)
    const coder = new Coder(centre)
    const [code, planes, factors] = [new Uint8Array(64), new Uint8Array(64 * PLANES), new Float32Array(FACTORS)]
    coder.encode(centre, code, factors, 0)
    assert.ok(coder.prepare(centre, planes).bound(bitSum(code, planes, 64), factors, 0) >= 1 - 1e-6)
  })

  function bitSum(code: Uint8Array, planes: Uint8Array, codeBytes: number): number {
    let sum = 0
    for (let i = 0; i < codeBytes * 8; i++) {
      if (!(code[i >> 3]! & (1 << (i & 7)))) continue
      for (let plane = 0; plane < PLANES; plane++) if (planes[plane * codeBytes + (i >> 3)]! & (1 << (i & 7))) sum += 1 << plane
    }
    return sum
  }
})

describe('the nearest representative', () => {
  test('is none in an empty space, and none below the threshold', () => {
    const space = new Space(4)
    assert.equal(space.nearest(Float32Array.of(1, 0, 0, 0), -1), undefined)
    space.add(Float32Array.of(0, 1, 0, 0))
    assert.equal(space.nearest(Float32Array.of(1, 0, 0, 0), 0.1), undefined)
    assert.deepEqual(space.nearest(Float32Array.of(0.6, 0.8, 0, 0), 0.72), { row: 0, similarity: Math.fround(0.8) })
  })

  test('is the first of equals', () => {
    const space = new Space(3)
    for (let i = 0; i < 3; i++) space.add(Float32Array.of(0, 0, 1))
    assert.equal(space.nearest(Float32Array.of(0, 0, 1), 0.5)!.row, 0)
  })

  for (const [kind, offset] of [['scattered', 0], ['in a narrow cone, as CLIP\'s are', 0.9]] as const) {
    test(`is the one that comparing with all finds, beyond one block, for vectors ${kind}`, () => {
      const dimensions = 128
      const random = new Random(3)
      const axis = randomUnit(random, dimensions)
      const make = () => unit(randomUnit(random, dimensions).map((x, i) => x + offset * axis[i]!))
      const space = new Space(dimensions)
      const vectors = Array.from({ length: BLOCK_ROWS * 2 + 100 }, make)
      for (const vector of vectors) space.add(vector)
      let found = 0
      for (let n = 0; n < 60; n++) {
        const near = vectors[Math.floor(random.uniform() * vectors.length)]!
        const query = n % 4 === 0 ? make() : unit(near.map((x) => x + (0.4 + random.uniform()) * random.normal() / Math.sqrt(dimensions)))
        const similarities = vectors.map((vector) => dot(query, vector))
        const best = similarities.reduce((row, similarity, i) => (similarity > similarities[row]! ? i : row), 0)
        const nearest = space.nearest(query, 0.72)
        if (similarities[best]! < 0.72) assert.equal(nearest, undefined)
        else {
          found++
          assert.equal(nearest?.row, best)
          assert.ok(Math.abs(nearest.similarity - similarities[best]!) < 1e-5)
        }
      }
      assert.ok(found > 10 && found < 60, `${found} of 60 found: the test must see both cases`)
    })
  }
})

describe('the table of placed assets', () => {
  test('gives back what was put in, through many doublings', () => {
    const placed = new PlacedAssets()
    const idOf = (i: number) => `0190b3c4-0000-7000-8000-${i.toString(16).padStart(12, '0')}`
    for (let i = 1; i <= 20_000; i++) placed.set(idOf(i), i % 3, { cluster: i, similarity: Math.fround(i / 20_000), founded: i % 2 === 0 })
    assert.equal(placed.size, 20_000)
    for (let i = 1; i <= 20_000; i++) assert.deepEqual(placed.get(idOf(i), i % 3), { cluster: i, similarity: Math.fround(i / 20_000), founded: i % 2 === 0 })
    assert.equal(placed.get(idOf(1), 2), undefined)
    assert.equal(placed.get(idOf(20_001), 0), undefined)
  })

  test('takes ids that are no UUIDs, and tells upper case from lower', () => {
    const placed = new PlacedAssets()
    placed.set('ABC', 0, { cluster: 1, similarity: 1, founded: true })
    placed.set('abc', 0, { cluster: 2, similarity: 1, founded: true })
    placed.set('', 0, { cluster: 3, similarity: 1, founded: true })
    assert.deepEqual(['ABC', 'abc', ''].map((id) => placed.get(id, 0)?.cluster), [1, 2, 3])
  })
})
