import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { identify, isRunning, parseStat, signalOwn } from '#stack/identity.ts'

const children: ChildProcess[] = []
after(() => children.forEach((child) => child.kill('SIGKILL')))

async function sleeper(marker: string): Promise<{ child: ChildProcess; pid: number }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")', marker], { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  if (child.stdout !== null) await once(child.stdout, 'data')
  return { child, pid: child.pid ?? 0 }
}

test('the state and start time are found after a process name with spaces and brackets', () => {
  const rest = ['S', ...Array.from({ length: 18 }, (_, i) => String(i + 4)), '987654', '23']
  assert.deepEqual(parseStat(`4321 (a) b (c)) ${rest.join(' ')}`), { state: 'S', startTicks: '987654' })
})

test('a process that we started is recognised and can be ended', async () => {
  const { child, pid } = await sleeper('/data/one')
  const identity = identify(pid, '/data/one')
  assert.ok(identity)
  assert.equal(isRunning(identity), true)
  const ended = once(child, 'exit')
  assert.equal(signalOwn(identity, 'SIGTERM'), true)
  assert.deepEqual(await ended, [null, 'SIGTERM'])
  assert.equal(isRunning(identity), false)
  assert.equal(signalOwn(identity, 'SIGTERM'), false)
})

test('another process that was given the same number is left alone', async () => {
  const { child, pid } = await sleeper('/data/two')
  const identity = identify(pid, '/data/two')
  assert.ok(identity)
  assert.equal(signalOwn({ ...identity, startedAt: `${identity.startedAt}0` }, 'SIGKILL'), false)
  assert.equal(signalOwn({ ...identity, marker: '/data/three' }, 'SIGKILL'), false)
  assert.equal(child.exitCode ?? child.signalCode, null)
})

test('a process that does not exist has no identity', () => {
  assert.equal(identify(2 ** 22 + 1, 'x'), undefined)
})
