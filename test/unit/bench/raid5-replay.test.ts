/**
 * Closed forms of the replay, worked out by hand. Unless a test says otherwise: 4 disks, chunks of 64 KiB, so a stripe is
 * 192 KiB of data in 16 rows, and neither bitmap nor superblock. Chunks lie left-symmetric, P is the parity:
 *
 *     member        0   1   2   3
 *     stripe 0      0   1   2   P
 *     stripe 1      4   5   P   3
 *     stripe 2      8   P   6   7
 *     stripe 3      P   9  10  11
 *     stripe 4     12  13  14   P
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlockEvent } from '../../bench/writes/block-event.ts'
import { DEFAULT_ARRAY, type RaidArray, type RaidCost } from '../../bench/writes/raid5/array.ts'
import { replayBounds } from '../../bench/writes/raid5/bounds.ts'
import { replay } from '../../bench/writes/raid5/replay.ts'
import { barrier, discard, flush, read, write } from './block-events.ts'

const KIB = 1_024
const SECOND_US = 1_000_000
const IMMEDIATE: RaidArray = { ...DEFAULT_ARRAY, bitmap: null, safeModeDelayUs: null }
const GATHERED: RaidArray = { ...IMMEDIATE, plugWindowUs: Infinity }

function requests({ total }: RaidCost): [reads: number, writes: number] {
  return [total.reads, total.writes]
}

const replayed = (array: RaidArray, ...events: BlockEvent[]): RaidCost => replay(events, array)

test('one random aligned block costs two reads and two writes', () => {
  const cost = replayed(IMMEDIATE, write(4_096, 4))
  assert.deepEqual(requests(cost), [2, 2])
  assert.deepEqual([cost.total.bytesRead, cost.total.bytesWritten, cost.dataBytes, cost.requests], [8 * KIB, 8 * KIB, 4 * KIB, 4])
})

test('on four disks a single block is reconstructed, on five it is modified: md compares the reads and reconstructs on a tie', () => {
  // Four disks: 2 reads (old block, parity) against 2 (the other blocks). Five: 2 against 3.
  assert.deepEqual(replayed(IMMEDIATE, write(0, 4)).rows, { full: 0, rmw: 0, rcw: 1 })
  assert.deepEqual(replayed({ ...IMMEDIATE, disks: 5 }, write(0, 4)).rows, { full: 0, rmw: 1, rcw: 0 })
})

test('an aligned full stripe is written to every member once and reads nothing', () => {
  const cost = replayed(IMMEDIATE, write(192, 192))
  assert.deepEqual(requests(cost), [0, 4])
  assert.deepEqual(cost.rows, { full: 16, rmw: 0, rcw: 0 })
  assert.deepEqual(cost.members.map((member) => member.bytesWritten), [64, 64, 64, 64].map((kib) => kib * KIB))
  assert.deepEqual([cost.dataBytes, cost.settledBytes], [192 * KIB, 192 * KIB])
})

test('two of the three blocks of a row need one read', () => {
  const cost = replayed(GATHERED, write(0, 4), write(64, 4))
  assert.deepEqual(requests(cost), [1, 3])
  assert.deepEqual(cost.rows, { full: 0, rmw: 0, rcw: 1 })
})

test('data and parity lie left-symmetric', () => {
  for (const [chunk, member, parity] of [[0, 0, 3], [2, 2, 3], [3, 3, 2], [4, 0, 2], [8, 0, 1], [6, 2, 1], [9, 1, 0], [12, 0, 3]] as const) {
    const written = replayed(IMMEDIATE, write(chunk * 64, 4)).members.flatMap(({ writes }, index) => (writes > 0 ? [index] : []))
    assert.deepEqual(written, [member, parity].toSorted())
  }
})

test('a stream that gathers is written in requests of the largest size, one third more than its data', () => {
  // 12 MiB are 64 stripes: 4 MiB on each of four members.
  const cost = replayed(GATHERED, ...Array.from({ length: 12 }, (_, mib) => write(mib * 1_024, 1_024)))
  assert.deepEqual(requests(cost), [0, 16])
  assert.equal(cost.total.bytesWritten, 16 * 1_024 * KIB)
})

test('a stream of requests of 1 MiB that are settled one by one reads once for each end within a stripe', () => {
  // Each request is 5⅓ stripes. The first ends after d0 of stripe 5, so d1 and d2 are read (2); the second completes that from
  // memory and ends after d1 of stripe 10, so d2 is read (1); the third ends with stripe 15. What needs no reads is contiguous on
  // every member (3 × 4 writes); d0 and P of stripe 5, and d0, d1 and P of stripe 10, are written after the reads (2 + 3).
  const cost = replayed(IMMEDIATE, write(0, 1_024), write(1_024, 1_024), write(2_048, 1_024))
  assert.deepEqual(requests(cost), [3, 17])
  // Stripes 0–4, 6–9 and 11–15 at once, 5 and 10 in two parts, of which the second overwrites not all.
  assert.deepEqual(cost.rows, { full: 14 * 16, rmw: 0, rcw: 4 * 16 })
})

test('with chunks of 512 KiB the same stream has no full stripe', () => {
  // 1 MiB is two of the three chunks: every row waits for a third that comes with the next request.
  assert.equal(replayed({ ...IMMEDIATE, chunkBytes: 512 * KIB }, write(0, 1_024), write(1_024, 1_024)).rows.full, 0)
})

test('appends of 8 KiB, each flushed, cost a parity each time', () => {
  // 24 appends fill a stripe. In its first chunk each reads two rows of the other blocks (2 R) and writes block and parity (2 W);
  // after that the rows are in memory: 2 W. 8 × 4 + 16 × 2.
  const appends = Array.from({ length: 24 }, (_, append) => [write(append * 8, 8), flush()]).flat()
  for (const array of [IMMEDIATE, GATHERED]) {
    const cost = replayed(array, ...appends)
    assert.deepEqual(requests(cost), [16, 48])
    assert.equal(cost.total.flushes, 24 * 4)
  }
})

test('on five disks appends are modified until reconstructing needs fewer reads', () => {
  // Blocks of one row, in turn. d0: old d0 and P (2 R). d1: old d1 (1 R) against d2, d3. d2: a tie with d3, which is read (1 R).
  // d3: all in memory.
  const cost = replayed({ ...IMMEDIATE, disks: 5 }, write(0, 4), write(64, 4), write(128, 4), write(192, 4))
  assert.deepEqual(requests(cost), [4, 8])
  assert.deepEqual(cost.rows, { full: 0, rmw: 2, rcw: 2 })
})

test('a block that is written twice while it gathers goes to the disk once', () => {
  const cost = replayed(GATHERED, write(0, 4), write(0, 4))
  assert.deepEqual(requests(cost), [2, 2])
  assert.deepEqual([cost.dataBytes, cost.settledBytes], [8 * KIB, 4 * KIB])
})

test('a block that is written on both sides of a flush goes to the disk twice, and is read for once', () => {
  assert.deepEqual(requests(replayed(GATHERED, write(0, 4), flush(), write(0, 4))), [2, 4])
})

test('gathering ends with the window', () => {
  const window = { ...GATHERED, plugWindowUs: 1_000 }
  assert.deepEqual(requests(replayed(window, write(0, 4, 0), write(64, 4, 999), write(128, 4, 999))), [0, 4])
  // The third block comes as the window ends: the first two are reconstructed by reading it, so it needs no read any more.
  assert.deepEqual(requests(replayed(window, write(0, 4, 0), write(64, 4, 999), write(128, 4, 1_000))), [1, 3 + 2])
})

test('a commit record ends the gathering before it and after it', () => {
  // The first block settles (2 R 2 W), members flush, the record settles at once (its row is another: 2 R 2 W), and the block
  // after it is in a row of its own again (2 R 2 W).
  const cost = replayed(GATHERED, write(0, 4), barrier(4, 4), write(8, 4))
  assert.deepEqual(requests(cost), [6, 6])
  assert.equal(cost.total.flushes, 4)
})

test('rows that are written through the cache do not merge', () => {
  // Two rows of one block: their reads merge (2), their writes do not (2 × 2).
  assert.deepEqual(requests(replayed(GATHERED, barrier(0, 8))), [2, 4])
})

test('a flush goes to every member', () => {
  assert.deepEqual(replayed(IMMEDIATE, flush(), flush()).members.map((member) => member.flushes), [2, 2, 2, 2])
})

test('a page that is written in part is read first and written whole', () => {
  const half = replayed(IMMEDIATE, write(0, 2))
  // Its old content is known then, so modifying needs only the parity, reconstructing two blocks.
  assert.deepEqual(half.rows, { full: 0, rmw: 1, rcw: 0 })
  assert.deepEqual(requests(half), [2, 2])
  assert.deepEqual([half.dataBytes, half.settledBytes, half.total.bytesWritten], [2 * KIB, 4 * KIB, 8 * KIB])
})

test('a page in part beside two whole ones: it is read, the rest is at hand', () => {
  assert.deepEqual(requests(replayed(GATHERED, write(0, 4), write(64, 4), write(128, 1))), [1, 4])
})

test('halves of a page that gather are one whole page', () => {
  assert.deepEqual(requests(replayed(GATHERED, write(2, 2), write(0, 2), write(64, 4), write(128, 4))), [0, 4])
})

test('a write across the boundary of two pages touches both in part', () => {
  const cost = replayed(IMMEDIATE, write(3, 2))
  // Two rows of one member: old pages and parities are read, two neighbours each.
  assert.deepEqual(requests(cost), [2, 2])
  assert.equal(cost.total.bytesRead, 16 * KIB)
})

test('neighbours merge up to the largest request', () => {
  const small = { ...IMMEDIATE, maxRequestBytes: 16 * KIB }
  // A stripe: 64 KiB on each member, in four requests.
  assert.deepEqual(requests(replayed(small, write(0, 192))), [0, 16])
})

test('events that are settled one by one do not merge with each other', () => {
  assert.deepEqual(requests(replayed(IMMEDIATE, write(0, 192), write(192, 192))), [0, 8])
})

test('a read costs one request per contiguous piece of a member', () => {
  const cost = replayed(IMMEDIATE, read(0, 4), read(62, 4))
  assert.deepEqual(requests(cost), [1 + 2, 0])
  assert.equal(cost.total.bytesRead, 8 * KIB)
})

test('a long read that gathers merges across stripes and is cut where a member holds parity', () => {
  // 1 MiB is chunks 0–15. Member 0 holds data of stripes 0–2 and 4, member 1 of 0, 1, 3 and 4, member 2 of 0 and 2–4, member 3
  // of 1–3 and 5: two pieces each.
  assert.deepEqual(replayed(GATHERED, read(0, 1_024)).members.map((member) => member.reads), [2, 2, 2, 2])
})

test('a long read that does not gather costs a request for each chunk', () => {
  assert.deepEqual(replayed(IMMEDIATE, read(0, 1_024)).members.map((member) => member.reads), [4, 4, 4, 4])
})

test('reads of one window merge, later ones do not', () => {
  const window = { ...GATHERED, plugWindowUs: 1_000 }
  assert.equal(replayed(window, read(0, 4, 0), read(4, 4, 999)).total.reads, 1)
  assert.equal(replayed(window, read(0, 4, 0), read(4, 4, 1_000)).total.reads, 2)
  assert.equal(replayed(IMMEDIATE, read(0, 4), read(4, 4)).total.reads, 2)
})

test('a row that left the stripe cache is read again', () => {
  const tiny = { ...IMMEDIATE, stripeCacheRows: 16 }
  const others = (rows: number): BlockEvent[] => Array.from({ length: rows }, (_, index) => write(1_920 + index * 4, 4))
  // 15 others leave the first row in memory, the 16th takes its place.
  assert.equal(replayed(tiny, write(0, 4), ...others(15), write(64, 4)).total.reads, 2 + 15 * 2)
  assert.equal(replayed(tiny, write(0, 4), ...others(16), write(64, 4)).total.reads, 2 + 16 * 2 + 2)
})

test('a full stripe cache lets complete rows go first, so that others may still become complete', () => {
  const tiny = { ...GATHERED, stripeCacheRows: 32 }
  // Chunk 0 of stripe 0, all of stripe 1, then a block that finds no room: stripe 1 goes, and stripe 0 is completed later.
  const cost = replayed(tiny, write(0, 64), write(192, 192), write(1_920, 4), write(64, 128))
  assert.deepEqual(cost.rows, { full: 32, rmw: 0, rcw: 1 })
  assert.equal(cost.total.reads, 2)
})

test('a cache full of incomplete rows is settled whole', () => {
  const tiny = { ...GATHERED, stripeCacheRows: 16 }
  // 16 rows of d0 (2 R 2 W, merged), then one block elsewhere (2 R 2 W).
  assert.deepEqual(requests(replayed(tiny, write(0, 64), write(1_920, 4))), [4, 4])
})

const WITH_BITMAP: RaidArray = { ...IMMEDIATE, bitmap: DEFAULT_ARRAY.bitmap }

test('the bitmap is set on every member before a write, and cleared after it', () => {
  const cost = replayed(WITH_BITMAP, write(0, 4))
  assert.equal(cost.bitmapWrites, 4 + 4)
  assert.deepEqual(requests(cost), [2, 2 + 8])
  // md writes its metadata with a flush of their own.
  assert.equal(cost.total.flushes, 8)
})

test('a bit that is set already costs nothing, one of another region does', () => {
  // One bit stands for 64 MiB of each member: 192 MiB of data.
  assert.equal(replayed(WITH_BITMAP, write(0, 4), write(64, 4)).bitmapWrites, 8)
  assert.equal(replayed(WITH_BITMAP, write(0, 4), write(192 * 1_024, 4)).bitmapWrites, 4 + 4 + 4)
})

test('a bit is cleared in the second pass of the daemon and written in the third', () => {
  // Passes at 5, 10, 15 s. A write at 7 s finds the bit set and keeps it; one at 12 s finds it cleared in memory, and writes the
  // page once for both; one at 16 s comes after the page was written.
  const writes = (secondUs: number): number => replayed(WITH_BITMAP, write(0, 4, 0), write(4, 4, secondUs)).bitmapWrites
  assert.equal(writes(7 * SECOND_US), 8)
  assert.equal(writes(12 * SECOND_US), 12)
  assert.equal(writes(16 * SECOND_US), 16)
})

test('the superblocks say that the array is active, and clean again when it was idle', () => {
  const array = { ...IMMEDIATE, safeModeDelayUs: 200_000 }
  assert.equal(replayed(array, write(0, 4, 0), write(4, 4, 199_999)).superblockWrites, 8)
  assert.equal(replayed(array, write(0, 4, 0), write(4, 4, 200_000)).superblockWrites, 16)
})

test('a write that gathers keeps the array active', () => {
  const array = { ...IMMEDIATE, safeModeDelayUs: 200_000, plugWindowUs: SECOND_US }
  assert.equal(replayed(array, write(0, 4, 0), write(4, 4, 900_000)).superblockWrites, 8)
})

test('reads and flushes leave bitmap and superblock alone', () => {
  const cost = replayed(DEFAULT_ARRAY, read(0, 4), flush())
  assert.deepEqual([cost.bitmapWrites, cost.superblockWrites, cost.total.writes], [0, 0, 0])
})

test('discards are counted and cost nothing, as md ignores them', () => {
  const cost = replayed(DEFAULT_ARRAY, discard(0, 1_024))
  assert.deepEqual([cost.requests, cost.discardsIgnored], [0, 1])
})

test('the two bounds are the same events, gathered and one by one', () => {
  const blocks = [write(0, 4, 0), write(64, 4, 10), write(128, 4, 20)]
  const { gathered, immediate } = replayBounds(blocks, IMMEDIATE)
  assert.deepEqual(requests(gathered), [0, 4])
  // The first reads both others, which are then in memory.
  assert.deepEqual(requests(immediate), [2, 6])
})

test('an array that cannot be is refused', () => {
  const wrong: Partial<RaidArray>[] = [{ disks: 2 }, { disks: 32 }, { disks: 3.5 }, { chunkBytes: 6_000 }, { chunkBytes: 0 }, { maxRequestBytes: 512 }, { stripeCacheRows: 15 }, { plugWindowUs: -1 }, { plugWindowUs: NaN }, { safeModeDelayUs: 0 }, { bitmap: { chunkBytes: 0, daemonSleepUs: 1 } }]
  for (const change of wrong) assert.throws(() => replayed({ ...IMMEDIATE, ...change }), RangeError, JSON.stringify(change))
})

test('an event that cannot be is refused', () => {
  const wrong: Partial<BlockEvent>[] = [{ sector: -1 }, { sector: 0.5 }, { sectors: -8 }, { sectors: NaN }, { sector: 2 ** 52 }, { timeUs: NaN }, { timeUs: -1 }]
  for (const change of wrong) assert.throws(() => replayed(IMMEDIATE, { ...write(0, 4), ...change }), RangeError, JSON.stringify(change))
  assert.throws(() => replayed(IMMEDIATE, write(0, 4, 10), write(0, 4, 9)), /time runs backwards/)
})
