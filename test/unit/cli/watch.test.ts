import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchUntilDone } from '#cli/demo/watch.ts'
import type { StagesReport } from '#cli/stages.ts'
import type { Clock } from '#runtime/clock.ts'

/** Time passes only by sleeping. */
function sleepingClock(): Clock {
  let nowMs = 0
  const never = (): never => { throw new Error('not used here') }
  return { now: never, every: never, after: never, random: never, monotonicMs: () => nowMs, sleep: async (ms) => { nowMs += ms } }
}

const reportOf = (written: Record<string, number>): StagesReport => ({
  status: 'ok', upSeconds: 0, stages: Object.fromEntries(Object.entries(written).map(([name, count]) => [name, { state: 'running', written: count, dead: 0, retries: 0 }])),
})

test('the watch goes on until everything has come out', async () => {
  let looks = 0
  await watchUntilDone({
    report: async () => reportOf({ download: ++looks, normalize: looks }), done: () => Math.min(looks, 3), total: 3, progress: undefined, clock: sleepingClock(),
  })
  assert.ok(looks >= 3)
})

test('when nothing moves for two minutes, the stage that the records stand before is named', async () => {
  const clock = sleepingClock()
  await assert.rejects(
    watchUntilDone({ report: async () => reportOf({ download: 9, normalize: 4, fingerprint: 4 }), done: () => 4, total: 9, progress: undefined, clock }),
    { code: 'demo.stuck', message: /normalize stands at 4 of 9/ },
  )
  assert.ok(clock.monotonicMs() >= 120_000)
})
