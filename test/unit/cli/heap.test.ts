/** V8 frees buffers only when it marks the heap, so who marks it less often has to bound what is not freed yet. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

const MIB = 2 ** 20

/** 100 MiB are alive at any time, and 20 MiB are replaced every 20 ms; tells the most MiB of buffers in the second half. */
const CHURN = `
  import { markHeapLessOften } from '#cli/heap.ts'
  const alive = Array.from({ length: 100 }, () => Buffer.allocUnsafeSlow(${MIB}))
  let [turn, most] = [0, 0]
  markHeapLessOften()
  const timer = setInterval(() => {
    for (let n = 0; n < 20; n++) alive[(turn * 20 + n) % 100] = Buffer.allocUnsafeSlow(${MIB})
    if (++turn > 125) most = Math.max(most, process.memoryUsage().external)
    if (turn === 250) process.exit(void console.log(Math.round(most / ${MIB})))
  }, 20)`

test('buffers that nobody needs are freed before they are many times as much as those in use, however long it goes on', { timeout: 60_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module-typescript', '--disable-warning=ExperimentalWarning', '--eval', CHURN], { cwd: process.cwd() })
  const most = Number(stdout)
  // In use 100, marked for every 256, looked at every 250 ms, in which 250 come.
  assert.ok(most > 100 && most < 800, `${most} MiB`)
})
