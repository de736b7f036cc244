import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { DecoderPool, type PoolOptions } from '#processors/normalize/decoder-pool.ts'
import { systemClock } from '#runtime/clock.ts'
import { Halt, Reject } from '#runtime/errors.ts'
import { createLog } from '#runtime/log.ts'

const UNRULY = join(import.meta.dirname, 'programs/unruly.ts')
const onLinux = process.platform === 'linux'
const never = new AbortController().signal

function openPool(t: TestContext, options: Partial<PoolOptions> = {}): DecoderPool {
  const limits = { jobDeadlineMs: 20_000, maxResidentBytes: 512 << 20 }
  const pool = new DecoderPool({ size: 1, clock: systemClock, log: createLog('test', 'silent'), program: UNRULY, limits, ...options })
  t.after(() => pool.close())
  return pool
}

const codeOf = (code: string) => (error: unknown): boolean => error instanceof Reject && error.code === code
const pidOf = async (pool: DecoderPool): Promise<string> => (await pool.decode('tell-pid', '', never)).codec

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // A zombie of a process that nobody waits for is dead.
    return !onLinux || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function until(condition: () => boolean, limitMs = 10_000): Promise<void> {
  for (const start = performance.now(); !condition(); await systemClock.sleep(5)) {
    assert.ok(performance.now() - start < limitMs, `not so within ${limitMs} ms`)
  }
}

test('a process serves one file after the other', async (t) => {
  const pool = openPool(t)
  assert.equal(await pidOf(pool), await pidOf(pool))
})

test('as many processes as allowed work at once, and no more', async (t) => {
  const pool = openPool(t, { size: 2 })
  const pids = await Promise.all([1, 2, 3, 4, 5, 6].map(() => pidOf(pool)))
  assert.equal(new Set(pids).size, 2)
})

test('a process is replaced after its number of files', async (t) => {
  const pool = openPool(t, { jobsPerProcess: 2 })
  const pids = [await pidOf(pool), await pidOf(pool), await pidOf(pool)]
  assert.equal(pids[0], pids[1])
  assert.notEqual(pids[1], pids[2])
})

for (const deed of ['crash', 'exit']) {
  test(`a decoder that dies (${deed}) rejects its file and only that`, async (t) => {
    const pool = openPool(t, { size: 2 })
    const [dead, fine] = await Promise.allSettled([pool.decode(deed, '', never), pidOf(pool)])
    assert.ok(dead.status === 'rejected' && codeOf('normalize.decoder-crash')(dead.reason))
    assert.equal(fine.status, 'fulfilled')
    assert.match(await pidOf(pool), /^\d+$/)
  })
}

test('a decoder that is stuck is ended at its deadline', async (t) => {
  const pool = openPool(t, { limits: { jobDeadlineMs: 1_000, maxResidentBytes: 512 << 20 } })
  const before = Number(await pidOf(pool))
  await assert.rejects(pool.decode('spin', '', never), codeOf('normalize.decoder-timeout'))
  await until(() => !alive(before))
  assert.notEqual(await pidOf(pool), String(before))
})

test('a decoder that takes too much memory is ended', { skip: onLinux ? false : 'needs /proc' }, async (t) => {
  const pool = openPool(t, { limits: { jobDeadlineMs: 30_000, maxResidentBytes: 200 << 20 } })
  await assert.rejects(pool.decode('allocate', '', never), codeOf('normalize.decoder-memory'))
  assert.match(await pidOf(pool), /^\d+$/)
})

test('what a decoder started ends with it', { skip: onLinux ? false : 'needs process groups' }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'pool-'))
  t.after(() => rm(dir, { recursive: true }))
  const pidFile = join(dir, 'pid')
  const pool = openPool(t)
  const stop = new AbortController()
  const running = assert.rejects(pool.decode(`start-child-and-wait:${pidFile}`, '', stop.signal), /enough/)
  await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '')
  const grandchild = Number(await readFile(pidFile, 'utf8'))
  assert.ok(alive(grandchild))
  stop.abort(new Error('enough'))
  await running
  await until(() => !alive(grandchild))
})

test('a file that waits for its turn can be given up', async (t) => {
  const pool = openPool(t, { limits: { jobDeadlineMs: 1_000, maxResidentBytes: 512 << 20 } })
  const busy = assert.rejects(pool.decode('spin', '', never), codeOf('normalize.decoder-timeout'))
  const stop = new AbortController()
  const waiting = assert.rejects(pool.decode('tell-pid', '', stop.signal), /revoked/)
  stop.abort(new Error('revoked'))
  await waiting
  await busy
  assert.match(await pidOf(pool), /^\d+$/)
})

test('a refusal keeps its code, and the process lives on', async (t) => {
  const pool = openPool(t)
  const before = await pidOf(pool)
  await assert.rejects(pool.decode('refuse:normalize.encrypted', '', never), codeOf('normalize.encrypted'))
  assert.equal(await pidOf(pool), before)
})

test('a missing ffmpeg is our fault, not the file\'s', async (t) => {
  const pool = openPool(t)
  await assert.rejects(pool.decode('refuse:normalize.ffmpeg-missing', '', never), (error) => error instanceof Halt && /install ffmpeg/.test(error.remedy))
})

test('a decoder that cannot even start is our fault, not the file\'s', async (t) => {
  const pool = openPool(t, { program: join(import.meta.dirname, 'programs/stillborn.ts') })
  await assert.rejects(pool.decode('tell-pid', '', never), (error) => error instanceof Halt && error.code === 'normalize.decoder-unusable' && /no library/.test(error.message))
})

test('a decoder gets none of our environment', async (t) => {
  const pool = openPool(t)
  const environment = Object.keys(JSON.parse((await pool.decode('tell-environment', '', never)).codec))
  assert.ok(Object.keys(process.env).length > 0)
  const allowed = new Set(['PATH', 'LC_ALL', 'MALLOC_ARENA_MAX', 'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE'])
  assert.deepEqual(environment.filter((name) => !allowed.has(name)), [])
})

test('a closed pool ends its processes and what they do', async (t) => {
  const pool = openPool(t)
  const running = assert.rejects(pool.decode('spin', '', never), codeOf('normalize.decoder-crash'))
  await until(() => pool.pids.length === 1)
  const pid = pool.pids[0]!
  pool.close()
  await running
  await until(() => !alive(pid))
})

test('decoder processes end when their parent is killed', { skip: onLinux ? false : 'needs process groups' }, async () => {
  const parent = spawn(process.execPath, [join(import.meta.dirname, 'programs/parent.ts'), '/nowhere'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(parent.stdout, 'data')
  const pid = Number(String(line))
  assert.ok(alive(pid))
  parent.kill('SIGKILL')
  await until(() => !alive(pid))
})
