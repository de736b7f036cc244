/**
 * A lock between processes: a folder, since mkdir either makes it or fails.
 *
 * It saves double work; what it guards is in addition put in place by one rename wherever possible, so that even two
 * holders at once could not leave half a result.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const REFRESH_MS = 2_000
const POLL_MS = 100

/** Runs `work` while no other process holds `folder`. A holder that died or went silent for `staleMs` is replaced. */
export async function withLock(folder, work, { onWait, staleMs = 60_000, waitMs = 1_800_000 } = {}) {
  await acquire(folder, { onWait, staleMs, waitMs })
  const refresh = setInterval(() => void touch(folder), REFRESH_MS)
  refresh.unref()
  try {
    return await work()
  } finally {
    clearInterval(refresh)
    await rm(folder, { recursive: true, force: true })
  }
}

async function acquire(folder, { onWait, staleMs, waitMs }) {
  const giveUpAt = performance.now() + waitMs
  await mkdir(dirname(folder), { recursive: true })
  for (let waited = false; !(await take(folder)); waited = true) {
    if (!waited) onWait?.()
    if (performance.now() > giveUpAt) throw new Error(`${folder} is held by another process; remove it if none is running`)
    if (await isStale(folder, staleMs)) await breakStale(folder, staleMs)
    else await sleep(POLL_MS)
  }
}

async function take(folder) {
  try {
    await mkdir(folder)
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
  await writeFile(join(folder, 'owner'), JSON.stringify({ pid: process.pid, host: hostname() }))
  return true
}

/**
 * Removes a stale lock, and never a fresh one:
 *   1. A and B both find the lock stale
 *   2. B removes it and takes it anew
 *   3. A would now remove B's
 * So judging and removing happen under a second lock, which is held for microseconds only.
 */
async function breakStale(folder, staleMs) {
  const breaker = `${folder}.breaking`
  try {
    await mkdir(breaker)
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if ((await ageMs(breaker)) > 10_000) await rm(breaker, { recursive: true, force: true })
    return sleep(POLL_MS)
  }
  try {
    if (await isStale(folder, staleMs)) await discard(folder)
  } finally {
    await rm(breaker, { recursive: true, force: true })
  }
}

async function discard(folder) {
  const aside = `${folder}.${randomUUID()}`
  await rename(folder, aside).catch(() => {})
  await rm(aside, { recursive: true, force: true })
}

async function isStale(folder, staleMs) {
  if ((await ageMs(folder)) > staleMs) return true
  const owner = await ownerOf(folder)
  return owner !== undefined && owner.host === hostname() && !isAlive(owner.pid)
}

async function ownerOf(folder) {
  try {
    return JSON.parse(await readFile(join(folder, 'owner'), 'utf8'))
  } catch {
    return undefined // between mkdir and the owner's first write, or just released: not ours to judge yet
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

async function ageMs(path) {
  try {
    return Date.now() - (await stat(path)).mtimeMs
  } catch {
    return 0
  }
}

async function touch(folder) {
  const now = new Date()
  await utimes(folder, now, now).catch(() => {}) // released meanwhile
}
