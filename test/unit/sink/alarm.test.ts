import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Alarm } from '#runtime/loop/alarm.ts'
import { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { tellingTimers } from './sink-world.ts'

function alarmed(): { clock: VirtualClock; alarm: Alarm; rang: number[]; armed: number[]; startMs: number } {
  const clock = new VirtualClock()
  const startMs = clock.monotonicMs()
  const rang: number[] = []
  const armed: number[] = []
  return { clock, alarm: new Alarm(tellingTimers(clock, (ms) => armed.push(ms)), () => rang.push(clock.monotonicMs() - startMs)), rang, armed, startMs }
}

test('it rings once, at its moment', async () => {
  const { clock, alarm, rang, startMs } = alarmed()
  alarm.set(startMs + 10)
  await clock.advance(9)
  assert.deepEqual(rang, [])
  await clock.advance(100)
  assert.deepEqual(rang, [10])
})

test('an earlier moment counts, and a later one leaves the timer as it is', async () => {
  const { clock, alarm, rang, armed, startMs } = alarmed()
  alarm.set(startMs + 50)
  alarm.set(startMs + 20)
  for (let ms = 20; ms < 1_000; ms++) alarm.set(startMs + ms)
  await clock.advance(1_000)
  assert.deepEqual(rang, [20])
  assert.deepEqual(armed, [50, 20])
})

test('it can be set again when it rings, and cleared', async () => {
  const { clock, alarm, rang, startMs } = alarmed()
  alarm.set(startMs + 5)
  await clock.advance(5)
  alarm.set(startMs + 8)
  await clock.advance(3)
  alarm.set(startMs + 12)
  alarm.clear()
  await clock.advance(100)
  assert.deepEqual(rang, [5, 8])
})

test('a fraction of a millisecond is waited for whole, and a moment that has passed is not waited for', async () => {
  const { alarm, armed, startMs } = alarmed()
  alarm.set(startMs + 4.2)
  alarm.set(startMs - 3)
  assert.deepEqual(armed, [5, 0])
})
