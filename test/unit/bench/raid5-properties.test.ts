import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BlockEvent } from '../../bench/writes/block-event.ts'
import { DEFAULT_ARRAY, ROW_BYTES, type RaidArray } from '../../bench/writes/raid5/array.ts'
import { replay } from '../../bench/writes/raid5/replay.ts'
import { bruteForce } from './brute-force-raid5.ts'

const DEVICE_SECTORS = 1_024
/** More rows than the device has on any array below. */
const ROOMY = 128

const geometry = fc.record({ disks: fc.integer({ min: 3, max: 7 }), rowsPerChunk: fc.integer({ min: 1, max: 6 }), immediate: fc.boolean(), maxRows: fc.integer({ min: 1, max: 9 }) })

const extent = fc.tuple(fc.integer({ min: 0, max: DEVICE_SECTORS - 200 }), fc.integer({ min: 1, max: 200 }), fc.boolean())
  // Half of all writes are of whole pages, as a file system's are.
  .map(([sector, sectors, aligned]) => (aligned ? { sector: sector - (sector % 8), sectors: sectors + 8 - (sectors % 8) } : { sector, sectors }))
const event: fc.Arbitrary<BlockEvent> = fc.oneof(
  { weight: 8, arbitrary: extent.map((place) => ({ ...place, kind: 'write' as const, fua: false, preflush: false, timeUs: 0 })) },
  { weight: 1, arbitrary: extent.map((place) => ({ ...place, kind: 'write' as const, fua: true, preflush: true, timeUs: 0 })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'flush' as const, sector: 0, sectors: 0, fua: false, preflush: false, timeUs: 0 }) },
)
const history = fc.array(event, { maxLength: 12 })

function arrayOf({ disks, rowsPerChunk, immediate, maxRows }: { disks: number; rowsPerChunk: number; immediate: boolean; maxRows: number }, stripeCacheRows = ROOMY): RaidArray {
  return { ...DEFAULT_ARRAY, disks, chunkBytes: rowsPerChunk * ROW_BYTES, maxRequestBytes: maxRows * ROW_BYTES, stripeCacheRows, plugWindowUs: immediate ? 0 : Infinity, bitmap: null, safeModeDelayUs: null }
}

// 1,024 sectors are 128 pages: at most 64 rows of two data pages, and a chunk's remainder.
test('every member reads and writes the same pages in the same requests as brute force says', () => {
  fc.assert(fc.property(history, geometry, (events, shape) => {
    const cost = replay(events, arrayOf(shape))
    const expected = bruteForce(events, shape)
    assert.deepEqual(cost.rows, expected.rows)
    assert.deepEqual(cost.members.map(({ reads, writes, bytesRead, bytesWritten }) => ({ reads, writes, pagesRead: bytesRead / ROW_BYTES, pagesWritten: bytesWritten / ROW_BYTES })), expected.members)
  }), { numRuns: 300 })
})

test('with a cache as small as a chunk, whole pages that are settled on arrival are written all the same', () => {
  fc.assert(fc.property(history, geometry, (events, shape) => {
    const whole = events.map((each) => ({ ...each, sector: each.sector - (each.sector % 8), sectors: 8 * Math.min(each.sectors, 1) }))
    const immediate = { ...shape, immediate: true }
    const small = replay(whole, arrayOf(immediate, shape.rowsPerChunk))
    const large = replay(whole, arrayOf(immediate))
    assert.equal(small.total.bytesWritten, large.total.bytesWritten)
  }), { numRuns: 200 })
})

test('however small the cache is, every page that was written reaches a member, with a parity page for each row that is settled', () => {
  fc.assert(fc.property(history, geometry, (events, shape) => {
    const cost = replay(events, arrayOf(shape, shape.rowsPerChunk))
    const rows = cost.rows.full + cost.rows.rmw + cost.rows.rcw
    const pages = new Set(events.flatMap(({ sector, sectors }) => Array.from({ length: sectors }, (_, index) => Math.floor((sector + index) / 8))))
    assert.equal(cost.total.bytesWritten, cost.settledBytes + rows * ROW_BYTES)
    assert.ok(cost.settledBytes >= pages.size * ROW_BYTES)
    assert.equal(cost.dataBytes, events.reduce((sum, { sectors }) => sum + sectors * 512, 0))
  }), { numRuns: 200 })
})

test('gathering never settles more pages than settling on arrival', () => {
  fc.assert(fc.property(history, geometry, (events, shape) => {
    const settled = (immediate: boolean): number => replay(events, arrayOf({ ...shape, immediate })).settledBytes
    assert.ok(settled(false) <= settled(true))
  }), { numRuns: 200 })
})
