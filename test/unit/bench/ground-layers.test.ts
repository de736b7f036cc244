/** What tools and the kernel print about a server's writes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseIo, writesBetween } from '#test/bench/writes/ground/processes.ts'
import { walBounds } from '#test/bench/writes/ground/settings.ts'
import { callReader } from '#test/bench/writes/ground/strace-lines.ts'
import { addTo, parseWalDump, walBytes } from '#test/bench/writes/ground/wal-dump.ts'
import { segmentName } from '#test/bench/writes/ground/wal-segments.ts'

const TABLE = `WAL statistics between 0/80019A0 and 1/8FFFB88:
Type                                           N      (%)          Record size      (%)             FPI size      (%)        Combined size      (%)
----                                           -      ---          -----------      ---             --------      ---        -------------      ---
XLOG                                           3 (  0.07)                  456 (  0.00)                 8192 ( 40.00)                 8648 (  0.05)
Transaction                                    0 (  0.00)                    0 (  0.00)                    0 (  0.00)                    0 (  0.00)
Heap2                                       4195 ( 99.93)             16701344 (100.00)                12288 ( 60.00)             16713632 ( 99.95)
                                        --------                      --------                      --------                      --------
Total                                       4198                      16701800 [99.88%]                20480 [0.12%]              16722280 [100%]
`

describe('the table of pg_waldump', () => {
  it('tells records, bytes with and of images, and where it ended; managers without records are left out', () => {
    assert.deepEqual(parseWalDump(TABLE), {
      end: '1/8FFFB88',
      byManager: { XLOG: { records: 3, bytes: 8648, imageBytes: 8192 }, Heap2: { records: 4195, bytes: 16_713_632, imageBytes: 12_288 } },
    })
  })

  it('with a row that was not understood is refused', () => {
    assert.throws(() => parseWalDump(TABLE.replace('Heap2 ', 'He ap')), /not the statistics of pg_waldump/)
    assert.throws(() => parseWalDump(TABLE.replace('Record size', 'Recorded   ')), /not the statistics of pg_waldump/)
    assert.throws(() => parseWalDump(''), /not the statistics of pg_waldump/)
  })

  it('is added to that of the WAL before it', () => {
    const sum = { Heap: { records: 1, bytes: 10, imageBytes: 4 } }
    addTo(sum, { Heap: { records: 2, bytes: 20, imageBytes: 0 }, Btree: { records: 5, bytes: 50, imageBytes: 5 } })
    assert.deepEqual(sum, { Heap: { records: 3, bytes: 30, imageBytes: 4 }, Btree: { records: 5, bytes: 50, imageBytes: 5 } })
  })
})

describe('places in the WAL', () => {
  it('are bytes since its beginning', () => {
    assert.equal(walBytes('0/1800028'), 0x1800028n)
    assert.equal(walBytes('16/B374D848'), 0x16B374D848n)
  })

  it('lie in segments that are named by the timeline and two halves of their number', () => {
    assert.equal(segmentName(1, 16 * 2 ** 20), '000000010000000000000001')
    assert.equal(segmentName(255, 16 * 2 ** 20), '0000000100000000000000FF')
    assert.equal(segmentName(256, 16 * 2 ** 20), '000000010000000100000000')
    assert.equal(segmentName(256, 2 ** 20), '000000010000000000000100')
  })

  it('have room on their device: max_wal_size is half of it, and 32 GB at most', () => {
    assert.deepEqual(walBounds(4 * 2 ** 30, 512 * 2 ** 20), { max_wal_size: '2048MB', min_wal_size: '512MB', wal_keep_size: '256MB' })
    assert.deepEqual(walBounds(2 ** 40, 0), { max_wal_size: '32768MB', min_wal_size: '32MB', wal_keep_size: '256MB' })
  })
})

describe('a line of strace', () => {
  const read = (...lines: string[]): unknown[] => lines.map(callReader())

  it('of a write has its result for bytes', () => {
    assert.deepEqual(read('[pid 71] pwrite64(7</g/data/base/5/1259>, ""..., 8192, 0) = 8192', 'write(3</g/wal/a>, ""..., 10) = 4'), [
      { name: 'pwrite64', path: '/g/data/base/5/1259', bytes: 8192 }, { name: 'write', path: '/g/wal/a', bytes: 4 },
    ])
    assert.deepEqual(read('[pid 7] pwritev(9</g/wal/x>, [{iov_base=""..., iov_len=8192}, {iov_base=""..., iov_len=8192}], 2, 0) = 16384'), [{ name: 'pwritev', path: '/g/wal/x', bytes: 16_384 }])
  })

  it('of a range has its length for bytes', () => {
    assert.deepEqual(read('sync_file_range(5</g/data/f>, 16384, 262144, SYNC_FILE_RANGE_WRITE) = 0', 'fallocate(5</g/data/f>, 0, 8192, 524288) = 0', 'fdatasync(5</g/wal/f>) = 0'), [
      { name: 'sync_file_range', path: '/g/data/f', bytes: 262_144 }, { name: 'fallocate', path: '/g/data/f', bytes: 524_288 }, { name: 'fdatasync', path: '/g/wal/f', bytes: 0 },
    ])
  })

  it('that was interrupted counts once, when it is resumed', () => {
    assert.deepEqual(read(
      '[pid 71] pwrite64(7</g/data/a>, ""..., 8192, 0 <unfinished ...>',
      '[pid 72] fsync(8</g/wal/b> <unfinished ...>',
      '[pid 71] <... pwrite64 resumed>)         = 8192',
      '[pid 72] <... fsync resumed>)            = 0',
    ), [undefined, undefined, { name: 'pwrite64', path: '/g/data/a', bytes: 8192 }, { name: 'fsync', path: '/g/wal/b', bytes: 0 }])
  })

  it('of a call that failed has no bytes', () => {
    assert.deepEqual(read('fallocate(5</g/data/f>, 0, 0, 65536) = -1 ENOSPC (No space left on device)', 'write(4</g/wal/c>, ""..., 9) = -1 EINTR (Interrupted system call)'), [
      { name: 'fallocate', path: '/g/data/f', bytes: 0 }, { name: 'write', path: '/g/wal/c', bytes: 0 },
    ])
  })

  it('of anything else is passed over', () => {
    assert.deepEqual(read('strace: Process 71 attached', '[pid 71] +++ exited with 0 +++', '[pid 71] read(3</g/data/a>, ""..., 10) = 10', '[pid 71] write(3</g/data/a>, ""..., 10) = ?', '[pid 71] <... fsync resumed>) = 0'), Array(5).fill(undefined))
  })
})

it('what a process dirtied and did not have to write is taken off', () => {
  const io = parseIo('rchar: 1\nwchar: 700\nsyscr: 2\nsyscw: 3\nread_bytes: 4096\nwrite_bytes: 20480\ncancelled_write_bytes: 8192\n')
  assert.deepEqual(io, { dirtiedBytes: 12_288, callBytes: 700, readBytes: 4096 })
  assert.deepEqual(writesBetween(io, { dirtiedBytes: 12_289, callBytes: 702, readBytes: 4099 }), { dirtiedBytes: 1, callBytes: 2, readBytes: 3 })
  assert.throws(() => parseIo('rchar: 1\n'), /no write_bytes/)
})
