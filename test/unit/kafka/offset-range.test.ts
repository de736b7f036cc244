import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPositions, refusalOf } from '#runtime/kafka/offset-range.ts'
import type { Admin } from '#runtime/kafka/patches.ts'
import { systemClock } from '#runtime/clock.ts'

const at = (offset: number) => ({ topic: 't', partition: 3, offset })

test('a position before the oldest record means that records were lost', () => {
  const refusal = refusalOf('tag', at(9), { oldest: 10, end: 20 })
  assert.equal(refusal?.code, 'kafka.records-lost')
  assert.equal(refusal?.message, 'tag stands at offset 9 of t/3, but the oldest record left is 10 and the log ends at 20.')
})

test('a position after the end means that the log was truncated or made anew', () => {
  const refusal = refusalOf('tag', at(21), { oldest: 10, end: 20 })
  assert.equal(refusal?.code, 'kafka.log-truncated')
  assert.equal(refusal?.message, 'tag stands at offset 21 of t/3, but the log begins at 10 and ends at 20.')
})

test('the oldest record, the end, and the end of a log that was trimmed to nothing are positions', () => {
  for (const [offset, range] of [[10, { oldest: 10, end: 20 }], [20, { oldest: 10, end: 20 }], [20, { oldest: 20, end: 20 }], [0, undefined]] as const) {
    assert.equal(refusalOf('tag', at(offset), range), undefined)
  }
})

test('an end that lies too low for a moment is asked for again', async () => {
  const ends = ['5', '5', '7']
  const admin = { fetchTopicOffsets: async () => [{ partition: 3, low: '0', high: ends.shift()! }] } as unknown as Admin
  await checkPositions(admin, { ...systemClock, sleep: async () => {} }, 'tag', [at(7)])
  assert.deepEqual(ends, [])
})
