/** The trace of block events: its lines, its columns, and whether it agrees with what the disk itself has counted. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BlockEvent } from '#test/bench/writes/block-event.ts'
import type { BlockCounts, DiskStat } from '#test/bench/writes/layers.ts'
import { assertAgreement, parseDiskStat, since } from '#test/bench/writes/ground/disk-stat.ts'
import { append, emptyColumns, toEvents } from '#test/bench/writes/ground/event-list.ts'
import { count, emptyTally } from '#test/bench/writes/ground/tally.ts'
import { parseFlags, parseTraceLine } from '#test/bench/writes/ground/trace-lines.ts'
import { lostOf } from '#test/bench/writes/ground/tracefs.ts'

describe('a line of the trace', () => {
  it('of a bio gives device, time in microseconds, and place in sectors', () => {
    assert.deepEqual(parseTraceLine('              dd-24058   [001] .N... 23824.000926: block_bio_queue: 7,2 WS 266240 + 4096 [dd]'), {
      stage: 'bio', device: '7:2',
      event: { timeUs: 23_824_000_926, kind: 'write', sector: 266_240, sectors: 4096, fua: false, preflush: false },
    })
  })

  it('of a request has its bytes and command left out', () => {
    assert.deepEqual(parseTraceLine('    kworker/1:1H-44      [001] ..... 7.863637: block_rq_issue: 259,12 RAM 4096 (28 00) 2056 + 8 be,0,4 [kworker/1:1H]'), {
      stage: 'request', device: '259:12',
      event: { timeUs: 7_863_637, kind: 'read', sector: 2056, sectors: 8, fua: false, preflush: false },
    })
  })

  it('is understood whatever the task is called', () => {
    const named = (task: string): string => `${task}-71 [000] ..... 1.000002: block_bio_queue: 7,0 FWFSM 8 + 16 [${task}]`
    for (const task of ['a: b', '7,9 R 1 + 1 [x]', 'x + 5 [y]', '(1) 2 + 3', 'block_bio_queue']) {
      assert.deepEqual(parseTraceLine(named(task)), {
        stage: 'bio', device: '7:0', event: { timeUs: 1_000_002, kind: 'write', sector: 8, sectors: 16, fua: true, preflush: true },
      }, task)
    }
  })

  it('that is no block event is passed over', () => {
    for (const line of ['', '# tracer: nop', 'CPU:1 [LOST 4711 EVENTS]', 'x-1 [000] ..... 1.000002: block_plug: [x]', 'x-1 [000] ..... 1.000002: block_bio_complete: 7,0 W 8 + 8 [0]']) {
      assert.equal(parseTraceLine(line), undefined, line)
    }
  })
})

describe('the flags of a block event', () => {
  const cases: [flags: string, sectors: number, kind: BlockEvent['kind'], preflush: boolean, fua: boolean][] = [
    ['R', 8, 'read', false, false], ['RA', 8, 'read', false, false],
    ['W', 8, 'write', false, false], ['WSM', 8, 'write', false, false],
    ['WFS', 8, 'write', false, true], ['FW', 8, 'write', true, false], ['FWFSM', 8, 'write', true, true],
    ['FWS', 0, 'flush', true, false], ['FF', 0, 'flush', true, false], ['F', 0, 'flush', false, false], ['FS', 0, 'flush', false, false],
    ['DS', 8, 'discard', false, false], ['NS', 8, 'write', false, false],
  ]
  for (const [flags, sectors, kind, preflush, fua] of cases) {
    it(`${flags} on ${sectors} sectors is a ${kind}${preflush ? ' after a flush' : ''}${fua ? ', through the cache' : ''}`, () => {
      assert.deepEqual(parseFlags(flags, sectors), { kind, preflush, fua })
    })
  }

  it('of a zoned device are refused', () => {
    assert.throws(() => parseFlags('ZR', 8), /not an operation of a plain block device: ZR/)
  })
})

describe('events in columns', () => {
  const event = (timeUs: number, over: Partial<BlockEvent> = {}): BlockEvent => ({ timeUs, kind: 'write', sector: 8, sectors: 8, fua: false, preflush: false, ...over })

  it('come back as they were, however many there are', () => {
    const events = [event(1, { kind: 'read', sector: 2 ** 40 }), event(2, { kind: 'flush', preflush: true }), event(3, { kind: 'discard', sectors: 2 ** 31 }), event(4, { fua: true }), event(5)]
    let columns = emptyColumns(2)
    for (const each of events) columns = append(columns, each)
    assert.deepEqual(toEvents(columns), events)
  })

  it('are put into the order of time; of the same microsecond they stay as they were', () => {
    let columns = emptyColumns(8)
    for (const each of [event(3, { sector: 1 }), event(2, { sector: 2 }), event(3, { sector: 3 })]) columns = append(columns, each)
    assert.deepEqual(toEvents(columns).map(({ sector }) => sector), [2, 1, 3])
  })

  it('are counted with their bytes; a write after a flush counts as both, a discard as nothing', () => {
    const tally = emptyTally()
    for (const each of [event(1, { kind: 'read', sectors: 3 }), event(2, { preflush: true, sectors: 5 }), event(3, { kind: 'flush', sectors: 0 }), event(4, { kind: 'discard', sectors: 100 })]) count(tally, each)
    assert.deepEqual(tally, { reads: 1, readBytes: 1536, writes: 1, writtenBytes: 2560, flushes: 2 })
  })
})

describe('a disk\'s own count', () => {
  const STAT = '      53        1     2122        4        2        3        8        5        0        4        6        7        9        100        0        11        2\n'

  it('is in requests and sectors of 512 bytes', () => {
    assert.deepEqual(parseDiskStat(STAT), { reads: 53, readBytes: 1_086_464, writes: 2, writtenBytes: 4096, discards: 7, discardedBytes: 51_200, flushes: 11 })
  })

  it('of a kernel that counts no flushes is refused', () => {
    assert.throws(() => parseDiskStat('1 2 3 4 5 6 7 8 9 10 11'), /not the statistics of a disk/)
  })

  const disk: DiskStat = { reads: 1, readBytes: 1000, writes: 1, writtenBytes: 100_000, discards: 0, discardedBytes: 0, flushes: 0 }
  const traced = (writtenBytes: number, lost = 0): BlockCounts => {
    const tally = { reads: 1, writes: 1, flushes: 0, readBytes: 1000, writtenBytes }
    return { bios: tally, requests: tally, events: [], lost }
  }

  it('may differ from the trace by a hundredth, and no more', () => {
    assertAgreement('wal', traced(101_000), disk)
    assertAgreement('wal', traced(99_000), disk)
    assert.throws(() => assertAgreement('wal', traced(101_001), disk), /wal is not counted right: writtenBytes by its bios 101001, by the disk itself 100000/)
    assert.throws(() => assertAgreement('wal', traced(0), disk), /by its bios 0, by the disk itself 100000/)
  })

  it('does not help a trace that lost events', () => {
    assert.throws(() => assertAgreement('wal', traced(100_000, 3), disk), /the trace of wal lost 3 events/)
  })

  it('of a window is the difference of two', () => {
    assert.deepEqual(since(disk, { ...disk, writes: 4, writtenBytes: 100_512, flushes: 2 }), { reads: 0, readBytes: 0, writes: 3, writtenBytes: 512, discards: 0, discardedBytes: 0, flushes: 2 })
  })
})

it('events that a buffer overwrote, or had no room for, are lost', () => {
  assert.equal(lostOf('entries: 12\noverrun: 3\ncommit overrun: 20\nbytes: 900\noldest event ts:  1.5\nnow ts: 2.5\ndropped events: 100\nread events: 7\n'), 123)
  assert.throws(() => lostOf('entries: 12\noverrun: 3\n'), /not the statistics/)
})
