import assert from 'node:assert/strict'
import { appendFileSync, closeSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { bound, logPath, openLog, rotate, tail } from '#stack/logs.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-logs-'))
after(() => rmSync(dir, { recursive: true, force: true }))

function write(name: string, text: string): void {
  const file = openLog(dir, name)
  writeSync(file, text)
  closeSync(file)
}

test('the last run\'s log is kept aside, and only the last', () => {
  for (const text of ['first\n', 'second\n', 'third\n']) {
    rotate(dir, 'a')
    write('a', text)
  }
  assert.equal(readFileSync(logPath(dir, 'a'), 'utf8'), 'third\n')
  assert.equal(readFileSync(`${logPath(dir, 'a')}.1`, 'utf8'), 'second\n')
})

test('a log that grew too large begins anew while its writer keeps it open', () => {
  const file = openLog(dir, 'b')
  writeSync(file, 'x'.repeat(1_000))
  bound(dir, 'b', 999)
  writeSync(file, 'next line\n')
  closeSync(file)
  assert.equal(readFileSync(logPath(dir, 'b'), 'utf8'), 'next line\n')
  assert.equal(statSync(`${logPath(dir, 'b')}.1`).size, 1_000)
})

test('a log within its limit is left as it is', () => {
  write('c', 'short\n')
  bound(dir, 'c', 6)
  assert.equal(existsSync(`${logPath(dir, 'c')}.1`), false)
})

test('the tail is the last lines that say something, also of a log larger than what is read', () => {
  write('d', `${'y'.repeat(200_000)}\none\n\ntwo\n`)
  assert.equal(tail(dir, 'd', 2), 'one\ntwo')
  appendFileSync(logPath(dir, 'd'), 'three')
  assert.equal(tail(dir, 'd', 2), 'two\nthree')
})

test('a log that was never written has no tail', () => {
  assert.equal(tail(dir, 'none'), '')
})
