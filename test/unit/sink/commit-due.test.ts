import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommitPolicy } from '#runtime/define/sink.ts'
import { commitDue, type Gathered } from '#runtime/loop/commit-due.ts'

const POLICY: CommitPolicy = { minRows: 10, maxRows: 100, maxBytes: 5_000, maxAgeMs: 250, lullMs: 8 }
const LONG_AGO = -Infinity

/** Ten rows of 50 bytes that came between 1,000 and 1,040 ms. */
const gathered = (changes: Partial<Gathered> = {}): Gathered => ({ rows: 10, bytes: 500, oldestMs: 1_000, newestMs: 1_040, ...changes })

test('nothing that waits is never due', () => {
  assert.equal(commitDue(POLICY, { rows: 0, bytes: 0, oldestMs: undefined, newestMs: -Infinity }, LONG_AGO), undefined)
})

test('a batch that is full of rows or of bytes is due whatever the time, and not one short of it', () => {
  assert.deepEqual(commitDue(POLICY, gathered({ rows: 100 }), 1_040), { atMs: -Infinity, because: 'full' })
  assert.deepEqual(commitDue(POLICY, gathered({ bytes: 5_000 }), 1_040), { atMs: -Infinity, because: 'full' })
  assert.deepEqual(commitDue(POLICY, gathered({ rows: 99, bytes: 4_999 }), 1_040), { atMs: 1_250, because: 'old' })
})

test('with rows enough it is due once nothing has come for the length of a lull', () => {
  assert.deepEqual(commitDue(POLICY, gathered(), LONG_AGO), { atMs: 1_048, because: 'lull' })
  assert.deepEqual(commitDue(POLICY, gathered({ newestMs: 1_100 }), LONG_AGO), { atMs: 1_108, because: 'lull' })
})

test('with too few rows it is due when its oldest row is old, however quiet it is', () => {
  assert.deepEqual(commitDue(POLICY, gathered({ rows: 9 }), LONG_AGO), { atMs: 1_250, because: 'old' })
})

test('rows that keep coming put it off until its oldest row is old, and no longer', () => {
  assert.deepEqual(commitDue(POLICY, gathered({ newestMs: 1_249 }), LONG_AGO), { atMs: 1_250, because: 'old' })
})

test('commits that are not full begin no sooner than the greatest age after one another', () => {
  // The last one began at 900: the lull ends at 1,048, but the next may begin at 1,150.
  assert.deepEqual(commitDue(POLICY, gathered(), 900), { atMs: 1_150, because: 'lull' })
  assert.deepEqual(commitDue(POLICY, gathered(), 798), { atMs: 1_048, because: 'lull' })
  // It began after the oldest row had come, as when a batch leaves rows over: age counts all the same.
  assert.deepEqual(commitDue(POLICY, gathered(), 1_030), { atMs: 1_250, because: 'old' })
})

test('a row that comes alone is due after a lull, or when the last commit is long enough ago', () => {
  const policy = { ...POLICY, minRows: 1 }
  const alone = gathered({ rows: 1, bytes: 50, newestMs: 1_000 })
  assert.deepEqual(commitDue(policy, alone, LONG_AGO), { atMs: 1_008, because: 'lull' })
  assert.deepEqual(commitDue(policy, alone, 750), { atMs: 1_008, because: 'lull' })
  assert.deepEqual(commitDue(policy, alone, 990), { atMs: 1_240, because: 'lull' })
})
