/**
 * Commits of COPY on an array, against a budget that was made by hand before there was a model: about 44 requests a commit whatever
 * its size, and then 0.0036 requests a row, which is log and heap (2 × 1,365 bytes) with parity in requests of 1 MiB.
 *
 * The 44: two ends within a stripe on each of two streams, 16; the journal of the file system, 12; the bitmap, set and cleared, 16.
 * The model's own count differs, on purpose:
 * - a stream that goes on where it ended finds that stripe in the cache, so its beginning reads nothing, and its two ends share
 *   requests with the rest of the commit: a commit of 1,000 rows costs less than the budget;
 * - log and heap lie on arrays of their own, each with a bitmap, and the journal is in a region with a bit of its own.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlockEvent } from '../../bench/writes/block-event.ts'
import { DEFAULT_ARRAY, type RaidCost } from '../../bench/writes/raid5/array.ts'
import { replay } from '../../bench/writes/raid5/replay.ts'
import { barrier, flush, write } from './block-events.ts'

const COMMITS = 20
/** Longer than the bitmap's daemon needs to clear. */
const APART_US = 60_000_000
const ROWS_PER_PAGE = 6
const JOURNAL_KIB = 4_000_000
const BUDGET: [rows: number, requestsPerRow: number][] = [[5_000, 0.012], [20_000, 0.0058], [100_000, 0.0040]]

function* stream(fromKiB: number, lengthKiB: number, timeUs: number): Generator<BlockEvent> {
  for (let at = 0; at < lengthKiB; at += 1_024) yield write(fromKiB + at, Math.min(1_024, lengthKiB - at), timeUs)
}

/** As many pages as the rows need, right behind those of the commit before, then whatever makes the commit durable. */
function* commits(rows: number, durable: (commit: number, timeUs: number) => BlockEvent[]): Generator<BlockEvent> {
  const lengthKiB = Math.ceil(rows / ROWS_PER_PAGE) * 8
  for (let commit = 0; commit < COMMITS; commit++) {
    yield* stream(commit * lengthKiB, lengthKiB, commit * APART_US)
    yield* durable(commit, commit * APART_US)
  }
}

const log = (rows: number): Generator<BlockEvent> => commits(rows, (_, timeUs) => [flush(timeUs)])
/** Descriptor and two blocks of metadata, then the commit record. */
const heap = (rows: number): Generator<BlockEvent> => commits(rows, (commit, timeUs) => {
  const at = JOURNAL_KIB + commit * 16
  return [write(at, 12, timeUs), barrier(at + 12, 4, timeUs)]
})

function cost(rows: number, plugWindowUs: number): { log: RaidCost; heap: RaidCost; requestsPerRow: number } {
  const array = { ...DEFAULT_ARRAY, plugWindowUs, safeModeDelayUs: null }
  const [ofLog, ofHeap] = [replay(log(rows), array), replay(heap(rows), array)]
  return { log: ofLog, heap: ofHeap, requestsPerRow: (ofLog.requests + ofHeap.requests) / (COMMITS * rows) }
}

test('commits of 5,000 to 100,000 rows cost what the budget says, within a tenth', () => {
  for (const [rows, budget] of BUDGET) {
    const { requestsPerRow } = cost(rows, Infinity)
    assert.ok(Math.abs(requestsPerRow / budget - 1) < 0.1, `${rows} rows: ${requestsPerRow} requests a row, ${budget} in the budget`)
  }
})

test('commits of 1,000 rows cost less than the budget, since their ends share requests with the rest', () => {
  // 44 + 4 in the budget. At the least: a request to each member for log and heap (8), set and clear of both (16), and the
  // journal's two writes (4). At the most the budget itself.
  const perCommit = cost(1_000, Infinity).requestsPerRow * 1_000
  assert.ok(perCommit > 8 + 16 + 4 && perCommit < 48, `${perCommit} requests a commit`)
})

test('bytes on the members are the bytes of log and heap, a third more for the parity, and little else', () => {
  // 100,000 rows: 2 × 16,667 pages. Beside them 16 KiB of journal, pages of bitmap, and parities of ends within a stripe.
  const { log: ofLog, heap: ofHeap } = cost(100_000, Infinity)
  const written = (ofLog.total.bytesWritten + ofHeap.total.bytesWritten) / COMMITS
  const payload = 2 * 16_667 * 8_192 * (4 / 3)
  assert.ok(written > payload && written < payload * 1.01, `${written} bytes for ${payload}`)
})

test('settled request by request, a commit of 100,000 rows costs five times as many', () => {
  // Three requests of 1 MiB that begin with a stripe cost 3 reads and 17 writes (see the stream's closed form), and 4 when they
  // gather: 5 times. Commits begin anywhere in a chunk, which adds rows that wait for reads.
  const ratio = cost(100_000, 0).requestsPerRow / cost(100_000, Infinity).requestsPerRow
  assert.ok(ratio > 5 && ratio < 6, `ratio ${ratio}`)
})
