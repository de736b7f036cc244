import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatabaseError } from 'pg'
import { Halt, RetryLater } from '#runtime/errors.ts'
import { isKeyConflict, isRowError, verdictOnPostgres } from '#runtime/postgres/errors.ts'

function answered(code: string, more: Partial<DatabaseError> = {}): DatabaseError {
  return Object.assign(new DatabaseError('message', 7, 'error'), { code, ...more })
}

test('bad values, violated constraints and rows too large are the row’s fault', () => {
  for (const code of ['22P02', '22021', '23514', '23505', '54000']) assert.ok(isRowError(answered(code)), code)
  for (const code of ['42P01', '40P01', '08006', '57014']) assert.ok(!isRowError(answered(code)), code)
  assert.ok(!isRowError(new Error('socket')))
})

test('only the primary key of the table tells that a row is there already', () => {
  assert.ok(isKeyConflict(answered('23505', { table: 'asset', constraint: 'asset_pkey' }), 'asset'))
  assert.ok(!isKeyConflict(answered('23505', { table: 'tag', constraint: 'tag_name_key' }), 'asset'))
  assert.ok(!isKeyConflict(answered('23514', { table: 'asset', constraint: 'asset_pkey' }), 'asset'))
})

test('a server that is away, full, locked or restarting is worth another try', () => {
  for (const code of ['08006', '40001', '40P01', '53100', '53300', '57P01', '57P03', '55P03', '25P03', '25006']) {
    assert.ok(verdictOnPostgres(answered(code)) instanceof RetryLater, code)
  }
  assert.ok(verdictOnPostgres(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })) instanceof RetryLater)
})

test('missing tables, refused logins and errors that nobody foresaw halt with a remedy', () => {
  const halted = (error: unknown): string[] => {
    const verdict = verdictOnPostgres(error)
    assert.ok(verdict instanceof Halt)
    return [verdict.code, verdict.remedy]
  }
  assert.deepEqual(halted(answered('42P01')), ['postgres.schema', 'Run `sluice migrate`.'])
  assert.equal(halted(answered('28P01'))[0], 'postgres.login')
  assert.equal(halted(answered('3D000'))[0], 'postgres.login')
  assert.equal(halted(answered('XX001'))[0], 'postgres.unexpected')
  assert.equal(halted(new TypeError('undefined is not a function'))[0], 'postgres.unexpected')
})

test('a verdict stays what it is', () => {
  const verdict = new RetryLater('sink.out-of-step', 'elsewhere')
  assert.equal(verdictOnPostgres(verdict), verdict)
})
