/// <reference lib="es2025.float16" preserve="true" />
/** The parts of the bench of nearest vectors that need no database. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { drawCut } from '#test/bench/ann/crops.ts'
import { verdictOf } from '#test/bench/ann/figures.ts'
import { drawSample, mixtureLike } from '#test/bench/ann/mixture.ts'
import { bitField, type Design, type Sealing } from '#test/bench/ann/segments.ts'
import type { Finding } from '#test/bench/ann/trial.ts'
import { cosineOf, isExact, nearestOf, recallOf } from '#test/bench/ann/truth.ts'
import { centreOf, countOf, DIMENSIONS, signsOf, vectorAt } from '#test/bench/ann/vector-set.ts'
import { Draw } from '#test/bench/writes/assets/draw.ts'

/** A vector whose first numbers are these, and all others zero. */
function vector(...first: number[]): Buffer {
  const numbers = new Float16Array(DIMENSIONS)
  numbers.set(first)
  return Buffer.from(numbers.buffer)
}

describe('signs', () => {
  test('the first number is the highest bit, and zero is not above zero', () => {
    assert.equal(signsOf(vector(1, -1, 0, 0.5, 0, 0, 0, 2, -3, 4)).subarray(0, 3).toString('hex'), '914000') // 10010001 01000000
  })

  test('around a centre, what is above the centre counts', () => {
    const centre = new Float32Array(DIMENSIONS).fill(0.25)
    assert.equal(signsOf(vector(0.5, 0.2, 0.25, 0.3), centre).subarray(0, 1).toString('hex'), '90') // 10010000
  })

  test('travel to Postgres with the number of bits before them', () => {
    assert.equal(bitField(Buffer.from('ff00', 'hex')).toString('hex'), '00000010ff00')
  })

  test('the centre is the mean of the vectors', () => {
    const centre = centreOf(Buffer.concat([vector(1, 0.5), vector(0, 0.5)]))
    assert.deepEqual([...centre.subarray(0, 3)], [0.5, 0.5, 0])
  })
})

describe('the truth', () => {
  /** Row n points n · 6 degrees away from the first axis; they are stored from the farthest to the nearest. */
  const degrees = Array.from({ length: 15 }, (_, n) => 6 * (14 - n))
  const vectors = Buffer.concat(degrees.map((angle) => vector(3 * Math.cos((angle * Math.PI) / 180), 3 * Math.sin((angle * Math.PI) / 180))))
  const query = vector(0.5)
  const { cosines } = nearestOf({ vectors, queries: [{ kind: 'axis', vector: query }] })
  const nearest = Array.from({ length: 10 }, (_, n) => 14 - n)

  test('is the ten largest cosines, whatever the lengths of the vectors', () => {
    cosines[0]!.forEach((cosine, n) => assert.ok(Math.abs(cosine - Math.cos((6 * n * Math.PI) / 180)) < 1e-3, `${n}: ${cosine}`))
  })

  test('recall is the share of the ten nearest that were found, each counted once', () => {
    assert.equal(recallOf(cosines[0]!, query, vectors, nearest), 1)
    assert.equal(recallOf(cosines[0]!, query, vectors, [14, 13, 12, 0, 1, 2, 3, 4]), 0.3)
    assert.equal(recallOf(cosines[0]!, query, vectors, [14, 14, 14]), 0.1)
  })

  test('a row as near as the tenth counts as found', () => {
    const twice = Buffer.concat([vectors, vectorAt(vectors, 5)])
    assert.equal(recallOf(cosines[0]!, query, twice, [14, 13, 12, 11, 10, 9, 8, 7, 6, 15]), 1)
  })

  test('an exact search gives all ten in their order', () => {
    assert.equal(isExact(cosines[0]!, query, vectors, nearest), true)
    assert.equal(isExact(cosines[0]!, query, vectors, [13, 14, ...nearest.slice(2)]), false)
    assert.equal(isExact(cosines[0]!, query, vectors, nearest.slice(1)), false)
    assert.equal(isExact(cosines[0]!, query, vectors, [...nearest.slice(0, 9), 4]), false)
  })
})

describe('a mixture', () => {
  const GROUPS = 40
  const sample = drawSample(GROUPS, 32)
  const options = { rows: 4_000, queries: 40, components: 200 }
  const mixture = mixtureLike(sample, sample.photoOf, options)
  const meanCosine = (vectors: Buffer, apart: number): number => {
    const rows = Array.from({ length: 1_000 }, (_, n) => n)
    return rows.reduce((sum, row) => sum + cosineOf(vectorAt(vectors, row), vectorAt(vectors, row + apart)), 0) / rows.length
  }

  test('has unit vectors, and gives the same ones again', () => {
    assert.equal(countOf(mixture), 4_000)
    assert.deepEqual(mixtureLike(sample, sample.photoOf, options).vectors, mixture.vectors)
    const numbers = new Float16Array(Uint8Array.from(vectorAt(mixture.vectors, 7)).buffer)
    assert.ok(Math.abs(Math.hypot(...numbers) - 1) < 2e-3)
  })

  test('is as close within its components, and as far between them, as the sample\'s groups', () => {
    assert.ok(Math.abs(meanCosine(mixture.vectors, options.components) - meanCosine(sample.vectors, GROUPS)) < 0.05)
    assert.ok(Math.abs(meanCosine(mixture.vectors, 1) - meanCosine(sample.vectors, 1)) < 0.05)
    assert.ok(meanCosine(mixture.vectors, options.components) - meanCosine(mixture.vectors, 1) > 0.2)
  })

  test('is asked for vectors near its rows, and for vectors that are near none', () => {
    const { cosines } = nearestOf(mixture)
    const nearest = (wanted: string): number[] => mixture.queries.flatMap(({ kind }, n) => (kind === wanted ? cosines[n]![0]! : []))
    const [near, far] = [nearest('component stored'), nearest('component never stored')]
    assert.deepEqual([near.length, far.length], [20, 20])
    assert.ok(Math.min(...near) > Math.max(...far), `${Math.min(...near)} and ${Math.max(...far)}`)
    assert.ok(Math.max(...near) < 0.9999, 'a query is a row')
  })
})

test('a cut lies within its photo, however narrow that is', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 5_000 }), fc.nat(), (width, height, n) => {
    const cut = drawCut({ width, height }, new Draw().seed(n))
    assert.ok(cut.width >= 1 && cut.height >= 1 && cut.left >= 0 && cut.top >= 0)
    assert.ok(cut.left + cut.width <= width && cut.top + cut.height <= height)
  }))
})

describe('the verdict', () => {
  const set = { name: 'some vectors', vectors: Buffer.alloc(0), queries: [] }
  const trial = { set, segments: 1, designs: [] }
  const cost = (cpuSeconds: number, bytes: number) => ({ seconds: 9, cpuSeconds, walBytes: bytes / 2, bytes })
  const finding = (design: Design, sealing: Sealing, recall: number, cpuMs: number): Finding => ({
    trial, design, sealing, problems: [],
    outcomes: [{ search: { name: 'x', oversampling: 10, reads: 'index', settings: {}, text: '' }, recalls: new Map(), recall, p50Ms: 1, p95Ms: 1, cpuMs, problems: [] }],
  })
  const findings = (recall: number): Finding[] => [
    finding({ kind: 'none' }, { rows: 100, added: cost(0, 0), whole: cost(2, 130_000) }, 1, 30),
    finding({ kind: 'hnsw', of: 'signs', m: 16 }, { rows: 100, added: cost(18, 40_000), whole: cost(20, 170_000) }, recall, 2),
  ]

  test('drops the index below the criterion, and only below it', () => {
    assert.match(verdictOf(findings(0.949)), /is 0\.949: the index is dropped/)
    assert.match(verdictOf(findings(0.95)), /is 0\.950: the index is not dropped/)
  })

  test('says what a search takes and what the index adds to sealing', () => {
    // 40,000 bytes and 20,000 of WAL for 100 rows.
    assert.match(verdictOf(findings(0.9)), /CPU of a search: 2\.00 ms; exact scan 30\.00 ms\. Sealing: CPU 2\.00 s without the index, 18\.00 s more with it, and 400 more bytes a row \(200 of WAL\)\.$/)
  })
})
