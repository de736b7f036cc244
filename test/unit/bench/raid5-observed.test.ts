/**
 * What a real array did: Linux 6.1.192 (Debian 12) with md on four virtio disks in an emulator, one request at a time by
 * `dd oflag=direct`, and /sys/block/vdX/stat of each member before and after. `mdadm --create --level=5 --assume-clean
 * --bitmap=none`, safe_mode_delay 0, stripe_cache_size 256 and rmw_level 1 as they are by default.
 *
 * Reads and bytes agree in every case, and writes too while a request is short. On a processor that slow md began to write rows
 * of 1 MiB requests before it had them all: two of them, aligned, were 19 writes where the replay says 13.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlockEvent } from '../../bench/writes/block-event.ts'
import { DEFAULT_ARRAY, type RaidArray, type RaidCost } from '../../bench/writes/raid5/array.ts'
import { replay } from '../../bench/writes/raid5/replay.ts'
import { read, write } from './block-events.ts'

const KIB = 1_024
const ARRAY: RaidArray = { ...DEFAULT_ARRAY, bitmap: null, safeModeDelayUs: null }
/** Data of a stripe on four disks, in KiB. */
const STRIPE = 192

interface Observation {
  what: string
  array?: Partial<RaidArray>
  /** In memory when the observation began. */
  before?: BlockEvent[]
  events: BlockEvent[]
  reads: number
  readKiB: number
  writes: number
  writtenKiB: number
}

const OBSERVED: Observation[] = [
  { what: 'one block', events: [write(40_960, 4)], reads: 2, readKiB: 8, writes: 2, writtenKiB: 8 },
  { what: 'the same block again', before: [write(40_960, 4)], events: [write(40_960, 4)], reads: 0, readKiB: 0, writes: 2, writtenKiB: 8 },
  { what: 'a full stripe', events: [write(STRIPE * 300, STRIPE)], reads: 0, readKiB: 0, writes: 4, writtenKiB: 256 },
  { what: 'five full stripes', events: [write(STRIPE * 350, 5 * STRIPE)], reads: 0, readKiB: 0, writes: 4, writtenKiB: 1_280 },
  { what: 'two chunks of three', events: [write(STRIPE * 310, 128)], reads: 1, readKiB: 64, writes: 3, writtenKiB: 192 },
  { what: '1 MiB that begins with a stripe', events: [write(STRIPE * 340, 1_024)], reads: 2, readKiB: 128, writes: 6, writtenKiB: 1_408 },
  { what: '24 appends of 8 KiB', events: Array.from({ length: 24 }, (_, append) => write(STRIPE * 400 + append * 8, 8)), reads: 16, readKiB: 128, writes: 48, writtenKiB: 384 },
  { what: '50 blocks in scattered stripes', events: Array.from({ length: 50 }, (_, block) => write(STRIPE * (420 + block * 7) + block * 4, 4)), reads: 100, readKiB: 400, writes: 100, writtenKiB: 400 },
  { what: 'half a page', events: [write(STRIPE * 412 + 4, 2)], reads: 2, readKiB: 8, writes: 2, writtenKiB: 8 },
  { what: 'half a page of each of two neighbours', events: [write(STRIPE * 414 + 3, 2)], reads: 2, readKiB: 16, writes: 2, writtenKiB: 16 },
  { what: 'two chunks and half a page of the third', events: [write(STRIPE * 416, 130)], reads: 1, readKiB: 64, writes: 4, writtenKiB: 196 },
  { what: 'a read across the end of a chunk', events: [read(32, 64)], reads: 2, readKiB: 64, writes: 0, writtenKiB: 0 },
  { what: 'a read of 1 MiB', events: [read(0, 1_024)], reads: 16, readKiB: 1_024, writes: 0, writtenKiB: 0 },
  { what: 'five disks, the four blocks of a row in turn', array: { disks: 5 }, events: [0, 64, 128, 192].map((kib) => write(256 * 300 + kib, 4)), reads: 4, readKiB: 16, writes: 8, writtenKiB: 32 },
  { what: 'five disks, four full stripes', array: { disks: 5 }, events: [write(256 * 420, 1_024)], reads: 0, readKiB: 0, writes: 5, writtenKiB: 1_280 },
  { what: 'three disks, the two blocks of a row in turn', array: { disks: 3 }, events: [write(128 * 410, 4), write(128 * 410 + 64, 4)], reads: 1, readKiB: 4, writes: 4, writtenKiB: 16 },
  { what: 'chunks of 512 KiB, 2 × 1 MiB', array: { chunkBytes: 512 * KIB }, events: [write(1_536 * 30, 1_024), write(1_536 * 30 + 1_024, 1_024)], reads: 3, readKiB: 1_536, writes: 7, writtenKiB: 3_584 },
]

for (const { what, array, before = [], events, ...observed } of OBSERVED) {
  test(`the replay tells what md was seen to do: ${what}`, () => {
    const cost = (of: BlockEvent[]): RaidCost['total'] => replay(of, { ...ARRAY, ...array }).total
    const [earlier, all] = [cost(before), cost([...before, ...events])]
    assert.deepEqual({
      reads: all.reads - earlier.reads, readKiB: (all.bytesRead - earlier.bytesRead) / KIB,
      writes: all.writes - earlier.writes, writtenKiB: (all.bytesWritten - earlier.bytesWritten) / KIB,
    }, observed)
  })
}

test('the replay tells how often md was seen to write bitmap and superblocks', () => {
  // One block on an array at rest: 4 members' superblocks before and 4 when it was idle for 200 ms; the bit set at once (4), and
  // cleared within 20 s (4).
  const cost = replay([write(STRIPE * 300, 4)], DEFAULT_ARRAY)
  assert.deepEqual([cost.superblockWrites, cost.bitmapWrites], [8, 8])
})
