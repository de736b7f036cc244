import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createColors } from 'picocolors'
import { exitCodeFor, linesOf } from '#cli/doctor.ts'

const plainly = { colours: createColors(false) }

test('what is amiss is shown with what is wanted, what it costs, and what to do', () => {
  const finding = { part: 'Postgres: fsync', state: 'unsafe', found: 'off', wanted: 'on', why: 'Rows may be lost.', remedy: 'Switch it on.' } as const
  assert.deepEqual(linesOf(finding, plainly), ['✗ Postgres: fsync (unsafe): off; wanted: on', '    Rows may be lost.', '    → Switch it on.'])
})

test('what is well takes one line', () => {
  assert.deepEqual(linesOf({ part: 'Node', state: 'ok', found: '24.22.1', wanted: '24 or later' }, plainly), ['✓ Node: 24.22.1'])
})

test('what a server says cannot move the cursor', () => {
  assert.deepEqual(linesOf({ part: 'Postgres', state: 'ok', found: '18\u001b[2J' }, plainly).filter((line) => line.includes('\u001b')), [])
})

test('warnings and notes leave the exit code 0, settings that may lose rows make it 1, and what is away 4', () => {
  const codeOf = (...states: ('ok' | 'warning' | 'note' | 'unsafe' | 'unreachable')[]) => exitCodeFor(states.map((state) => ({ part: 'p', state })))
  assert.equal(codeOf('ok', 'warning', 'note'), 0)
  assert.equal(codeOf('ok', 'unsafe', 'note'), 1)
  assert.equal(codeOf('unsafe', 'unreachable'), 4)
})
