import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { withLock } from '../../../bin/lock.mjs'

const root = mkdtempSync(join(tmpdir(), 'sluice-lock-'))
after(() => rmSync(root, { recursive: true, force: true }))

function leftBehind(name: string, owner: { pid: number; host: string }): string {
  const folder = join(root, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'owner'), JSON.stringify(owner))
  return folder
}

/** The id of a process that has ended. */
const deadPid = (): number => spawnSync('true').pid

test('of many who want a lock only one works at a time, and all get their turn', async () => {
  let inside = 0
  let most = 0
  const turns = await Promise.all(Array.from({ length: 8 }, (_, i) => withLock(join(root, 'many'), async () => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
    return i
  })))
  assert.equal(most, 1)
  assert.deepEqual(turns, [0, 1, 2, 3, 4, 5, 6, 7])
  assert.equal(existsSync(join(root, 'many')), false)
})

test('a lock is given back when the work fails', async () => {
  const folder = join(root, 'failing')
  await assert.rejects(withLock(folder, async () => { throw new Error('no space') }), /no space/)
  assert.equal(await withLock(folder, async () => 'next'), 'next')
})

test('the lock of a process that has ended is taken over at once', async () => {
  const folder = leftBehind('dead', { pid: deadPid(), host: hostname() })
  assert.equal(await withLock(folder, async () => 'mine', { waitMs: 2_000 }), 'mine')
})

test('several who find a dead process\'s lock still work one at a time', async () => {
  const folder = leftBehind('dead-many', { pid: deadPid(), host: hostname() })
  let inside = 0
  let most = 0
  await Promise.all(Array.from({ length: 6 }, () => withLock(folder, async () => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
  })))
  assert.equal(most, 1)
  assert.deepEqual(readdirSync(root).filter((name) => name.startsWith('dead-many')), [])
})

test('the lock of a living process is not taken over', async () => {
  const folder = leftBehind('alive', { pid: process.pid, host: hostname() })
  let told = 0
  await assert.rejects(withLock(folder, async () => 'stolen', { waitMs: 250, onWait: () => { told++ } }), /held by another process/)
  assert.equal(told, 1)
})

test('a lock of another machine is judged by its silence, not by a process id', async () => {
  const folder = leftBehind('elsewhere', { pid: deadPid(), host: 'another-machine' })
  await assert.rejects(withLock(folder, async () => 'stolen', { waitMs: 250 }), /held by another process/)
  const twoMinutesAgo = new Date(Date.now() - 120_000)
  utimesSync(folder, twoMinutesAgo, twoMinutesAgo)
  assert.equal(await withLock(folder, async () => 'mine', { waitMs: 2_000 }), 'mine')
})
