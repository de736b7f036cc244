import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HostSlots } from '#processors/download/net/host-slots.ts'
import { systemClock, type Clock } from '#runtime/clock.ts'
import { verdict } from './world.ts'

const never = new AbortController().signal
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A clock that stands still, and notes how long it was asked to sleep. */
function stillClock(): Clock & { sleeps: number[]; nowMs: number } {
  const clock = {
    ...systemClock, sleeps: [] as number[], nowMs: 1000,
    monotonicMs: () => clock.nowMs,
    async sleep(ms: number) { clock.sleeps.push(ms); clock.nowMs += ms },
  }
  return clock
}

/** Transfers that end when told to. */
function transfers() {
  const running: string[] = []
  const ends = new Map<string, () => void>()
  return {
    running,
    start: (name: string) => () => new Promise<void>((resolve) => { running.push(name); ends.set(name, resolve) }),
    async end(name: string) { ends.get(name)!(); await turn() },
  }
}

describe('slots of hosts', () => {
  test('a busy host waits for itself and holds nobody else up', async () => {
    const slots = new HostSlots({ perHost: 2, total: 10 }, stillClock())
    const { running, start, end } = transfers()
    for (const name of ['a1', 'a2', 'a3', 'b1']) void slots.within(name[0]!, never, start(name))
    await turn()
    assert.deepEqual(running, ['a1', 'a2', 'b1'])
    await end('b1')
    assert.deepEqual(running, ['a1', 'a2', 'b1'])
    await end('a1')
    assert.deepEqual(running, ['a1', 'a2', 'b1', 'a3'])
  })

  test('all hosts together have a bound, and who waits longest goes first', async () => {
    const slots = new HostSlots({ perHost: 2, total: 2 }, stillClock())
    const { running, start, end } = transfers()
    for (const name of ['a', 'b', 'c', 'd']) void slots.within(name, never, start(name))
    await turn()
    await end('b')
    assert.deepEqual(running, ['a', 'b', 'c'])
  })

  test('a failed transfer gives its slot back', async () => {
    const slots = new HostSlots({ perHost: 1, total: 1 }, stillClock())
    await assert.rejects(slots.within('a', never, async () => { throw new Error('cut') }), /cut/)
    assert.equal(await slots.within('a', never, async () => 'free'), 'free')
  })

  test('who is called off while waiting takes no slot', async () => {
    const slots = new HostSlots({ perHost: 1, total: 1 }, stillClock())
    const { running, start, end } = transfers()
    void slots.within('a', never, start('first'))
    const controller = new AbortController()
    const called = slots.within('a', controller.signal, start('second'))
    controller.abort(new Error('called off'))
    await assert.rejects(called, /called off/)
    void slots.within('a', never, start('third'))
    await turn()
    await end('first')
    assert.deepEqual(running, ['first', 'third'])
  })

  test('a short pause is waited for, and a long one gives the record back with the time that is left', async () => {
    const clock = stillClock()
    const slots = new HostSlots({ perHost: 1, total: 1 }, clock)
    slots.pause('a', 3000)
    assert.equal(await slots.within('a', never, async () => 'asked'), 'asked')
    assert.deepEqual(clock.sleeps, [3000])
    slots.pause('a', 60_000)
    slots.pause('a', 5000)
    await assert.rejects(slots.within('a', never, async () => 'asked'), { ...verdict('RetryLater', 'download.busy'), afterMs: 60_000 })
    assert.equal(await slots.within('b', never, async () => 'asked'), 'asked')
  })
})
