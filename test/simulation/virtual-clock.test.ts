import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { Random } from './random.ts'

test('what falls due runs in order of time, and at one moment in the order in which it was set', async () => {
  const clock = new VirtualClock(0)
  const random = new Random(1)
  const planned = Array.from({ length: 500 }, (_, n) => ({ atMs: random.below(50), n }))
  const ran: typeof planned = []
  for (const each of planned) clock.after(each.atMs, () => ran.push(each))
  await clock.advance(50)
  assert.deepEqual(ran, planned.toSorted((a, b) => a.atMs - b.atMs || a.n - b.n))
})

test('a timer that was cancelled does not run, and its neighbours do', async () => {
  const clock = new VirtualClock(0)
  const ran: number[] = []
  const cancels = [1, 2, 3, 4].map((ms) => clock.after(ms, () => ran.push(ms)))
  cancels[1]!()
  cancels[2]!()
  await clock.advance(10)
  assert.deepEqual(ran, [1, 4])
})

test('what a timer leads to happens before the next one, however many promises it takes', async () => {
  const clock = new VirtualClock(0)
  const order: string[] = []
  clock.after(1, () => void (async () => {
    for (let turn = 0; turn < 100; turn++) await Promise.resolve()
    order.push('first')
  })())
  clock.after(1, () => order.push('second'))
  await clock.advance(1)
  assert.deepEqual(order, ['first', 'second'])
})

test('a repeated call ends when it is called off from inside itself', async () => {
  const clock = new VirtualClock(0)
  let calls = 0
  const stop = clock.every(10, () => {
    calls += 1
    if (calls === 3) stop()
  })
  await clock.advance(1_000)
  assert.equal(calls, 3)
})

test('a sleep ends with its signal, and a later abort does not matter', async () => {
  const clock = new VirtualClock(0)
  const abort = new AbortController()
  const [cut, whole] = [clock.sleep(100, abort.signal), clock.sleep(5, abort.signal)]
  await clock.advance(5)
  abort.abort()
  await whole
  await assert.rejects(cut, { name: 'AbortError' })
})
