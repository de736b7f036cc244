import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stateOf } from '#cli/stage-status.ts'

const busy = { members: 1, lagRecords: 100, lagSeconds: 70, perSecond: 5 }

test('a stage without members is stopped, whether it lags or not', () => {
  assert.equal(stateOf({ ...busy, members: 0 }), 'STOPPED')
  assert.equal(stateOf({ members: 0, lagRecords: 0, lagSeconds: 0, perSecond: 0 }), 'STOPPED')
})

test('a stage that works off old records is behind; one that does nothing about them is stalled', () => {
  assert.equal(stateOf(busy), 'BEHIND')
  assert.equal(stateOf({ ...busy, perSecond: 0 }), 'STALLED')
})

test('a moment without progress is no stall while the records are young', () => {
  assert.equal(stateOf({ ...busy, perSecond: 0, lagSeconds: 59 }), 'BEHIND')
  assert.equal(stateOf({ ...busy, perSecond: 0, lagSeconds: 9 }), 'OK')
  assert.equal(stateOf({ members: 1, lagRecords: 0, lagSeconds: 0, perSecond: 0 }), 'OK')
})
