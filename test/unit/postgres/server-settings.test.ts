import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Halt } from '#runtime/errors.ts'
import type { Log } from '#runtime/log.ts'
import type { ServerFacts, ServerSetting } from '#runtime/postgres/server-facts.ts'
import { checkServer, judgeServer, type Severity } from '#runtime/postgres/server-settings.ts'
import { amountOf, parseAmount } from '#runtime/postgres/setting-amounts.ts'
import { RULES } from '#runtime/postgres/setting-rules.ts'

function setting(name: string, value: string, rest: Partial<ServerSetting> = {}): ServerSetting {
  return { name, value, shown: value, unit: null, choices: null, context: 'sighup', source: 'configuration file', pendingRestart: false, ...rest }
}

function factsOf(...settings: ServerSetting[]): ServerFacts {
  return { role: 'sink', database: 'assets', vectorVersion: null, settings: new Map(settings.map((given) => [given.name, given])) }
}

/** Worst first: severities in the profiles `latency` and `raid5`. */
function severitiesOf(given: ServerSetting): [Severity | undefined, Severity | undefined] {
  return [judgeServer(factsOf(given), 'latency')[0]?.severity, judgeServer(factsOf(given), 'raid5')[0]?.severity]
}

/** Name, unit as PostgreSQL 18 has it, severities, values that are amiss, values that are not amiss in any profile. */
const CASES: [string, string | null, [Severity | undefined, Severity | undefined], string[], string[]][] = [
  ['fsync', null, ['error', 'error'], ['off'], ['on']],
  ['full_page_writes', null, ['error', 'error'], ['off'], ['on']],
  ['synchronous_commit', null, ['error', 'error'], ['off'], ['on', 'local', 'remote_write', 'remote_apply']],
  ['data_sync_retry', null, ['error', 'error'], ['on'], ['off']],
  ['zero_damaged_pages', null, ['error', 'error'], ['on'], ['off']],
  ['ignore_checksum_failure', null, ['error', 'error'], ['on'], ['off']],
  ['in_hot_standby', null, ['warning', 'warning'], ['on'], ['off']],
  ['default_transaction_read_only', null, ['warning', 'warning'], ['on'], ['off']],
  ['server_encoding', null, ['warning', 'warning'], ['LATIN1', 'SQL_ASCII'], ['UTF8']],
  ['transaction_timeout', 'ms', ['warning', 'warning'], ['1', '119999'], ['0', '120000']],
  ['autovacuum', null, ['warning', 'warning'], ['off'], ['on']],
  ['track_counts', null, ['warning', 'warning'], ['off'], ['on']],
  ['checkpoint_timeout', 's', ['note', 'warning'], ['300', '899'], ['1800', '86400']],
  ['checkpoint_timeout', 's', [undefined, 'warning'], ['900', '1799'], []],
  ['max_wal_size', 'MB', ['note', 'warning'], ['1024', '4095'], ['32768']],
  ['max_wal_size', 'MB', [undefined, 'warning'], ['4096', '32767'], []],
  ['min_wal_size', 'MB', [undefined, 'note'], ['80', '4095'], ['4096']],
  ['wal_buffers', '8kB', [undefined, 'warning'], ['512', '8191'], ['8192']],
  ['wal_writer_delay', 'ms', [undefined, 'warning'], ['200', '9999'], ['10000']],
  ['wal_writer_flush_after', '8kB', [undefined, 'warning'], ['0', '128', '8191'], ['8192']],
  ['checkpoint_flush_after', '8kB', [undefined, 'warning'], ['32', '255'], ['0', '256']],
  ['wal_sync_method', null, [undefined, 'warning'], ['open_datasync', 'open_sync'], ['fdatasync', 'fsync', 'fsync_writethrough']],
  ['wal_compression', null, ['note', 'warning'], ['off'], ['on', 'pglz', 'lz4', 'zstd']],
  ['wal_recycle', null, [undefined, 'note'], ['off'], ['on']],
  ['wal_init_zero', null, [undefined, 'note'], ['off'], ['on']],
  ['wal_log_hints', null, ['note', 'warning'], ['on'], ['off']],
  ['archive_timeout', 's', ['note', 'warning'], ['60', '599'], ['0', '600']],
  ['archive_mode', null, [undefined, 'note'], ['on', 'always'], ['off']],
  ['wal_level', null, [undefined, 'note'], ['replica', 'logical'], ['minimal']],
  ['track_commit_timestamp', null, [undefined, 'note'], ['on'], ['off']],
  ['log_statement', null, [undefined, 'note'], ['mod', 'all'], ['none', 'ddl']],
  ['shared_buffers', '8kB', [undefined, 'note'], ['16384', '131071'], ['131072']],
  ['jit', null, ['note', 'note'], ['on'], ['off']],
  ['data_checksums', null, ['note', 'note'], ['off'], ['on']],
  ['autovacuum_vacuum_insert_threshold', null, ['note', 'note'], ['-1'], ['0', '1000']],
]

for (const [name, unit, severities, amiss, right] of CASES) {
  test(`${name} = ${amiss.join(' or ')} is ${severities.map((severity) => severity ?? 'right').join(' in latency, ')} in raid5`, () => {
    for (const value of amiss) assert.deepEqual(severitiesOf(setting(name, value, { unit })), severities, value)
    for (const value of right) assert.deepEqual(severitiesOf(setting(name, value, { unit })), [undefined, undefined], value)
  })
}

test('every rule has a case above', () => {
  assert.deepEqual([...new Set(CASES.map(([name]) => name))].sort(), [...new Set(RULES.map((rule) => rule.setting))].sort())
})

test('what a rule advises is what it wants', () => {
  for (const { setting: name, advised, isMet } of RULES) {
    const given = setting(name, '', { choices: ['off', 'on', 'pglz'] })
    const text = typeof advised === 'string' ? advised : advised(given)
    const [, digits, unit] = /^(-?\d+)([A-Za-z]+)$/.exec(text) ?? []
    assert.ok(isMet({ ...given, value: digits ?? text, unit: unit ?? null }), `${name} = ${text}`)
  }
})

test('amounts are compared in one unit', () => {
  assert.equal(amountOf({ value: '256', unit: '8kB' }), parseAmount('2MB'))
  assert.equal(amountOf({ value: '2', unit: '16MB' }), 33_554_432)
  assert.equal(parseAmount('30min'), 1_800_000)
  assert.equal(parseAmount('-1'), -1)
})

test('a setting that the server does not have is not missed', () => {
  assert.deepEqual(judgeServer(factsOf(), 'raid5'), [])
})

test('errors come first, then warnings, then notes', () => {
  const facts = factsOf(setting('jit', 'on'), setting('autovacuum', 'off'), setting('fsync', 'off'))
  assert.deepEqual(judgeServer(facts, 'latency').map(({ name }) => name), ['fsync', 'autovacuum', 'jit'])
})

function remedyOf(given: ServerSetting): string | undefined {
  return judgeServer(factsOf(given), 'raid5')[0]?.remedy
}

test('the remedy names the statement, and whether a reload is enough', () => {
  assert.equal(remedyOf(setting('fsync', 'off')), "As a superuser run `alter system set fsync = 'on'`, then `select pg_reload_conf()`.")
  assert.equal(remedyOf(setting('wal_buffers', '512', { unit: '8kB', context: 'postmaster' })), "As a superuser run `alter system set wal_buffers = '64MB'`, then restart the server.")
})

test('the remedy goes where the value was set, which would override the server\'s file', () => {
  const off = (source: string) => remedyOf(setting('synchronous_commit', 'off', { source }))
  assert.equal(off('user'), "Run `alter role sink set synchronous_commit = 'on'`, and connect again.")
  assert.equal(off('database'), "Run `alter database assets set synchronous_commit = 'on'`, and connect again.")
  assert.equal(off('database user'), "Run `alter role sink in database assets set synchronous_commit = 'on'`, and connect again.")
  assert.equal(off('client'), 'Take synchronous_commit out of the options of DATABASE_URL.')
  assert.equal(off('command line'), 'Start the server with another synchronous_commit on its command line.')
})

test('a value that waits for a restart is not to be set again', () => {
  assert.match(remedyOf(setting('shared_buffers', '16384', { unit: '8kB', context: 'postmaster', pendingRestart: true })) ?? '', /^Restart the server/)
})

test('what no statement changes has a remedy of its own', () => {
  assert.match(remedyOf(setting('in_hot_standby', 'on', { context: 'internal' })) ?? '', /Promote it/)
  assert.match(remedyOf(setting('data_checksums', 'off', { context: 'internal' })) ?? '', /pg_checksums --enable/)
})

test('the compression that is advised is one that the server was built with', () => {
  const advised = (choices: string[]) => /wal_compression = '(\w+)'/.exec(remedyOf(setting('wal_compression', 'off', { choices })) ?? '')?.[1]
  assert.equal(advised(['pglz', 'lz4', 'zstd', 'on', 'off']), 'lz4')
  assert.equal(advised(['pglz', 'on', 'off']), 'pglz')
  assert.equal(advised(['on', 'off']), 'on')
})

test('a pgvector whose HNSW indexes can be damaged is warned of', () => {
  const judged = (vectorVersion: string | null) => judgeServer({ ...factsOf(), vectorVersion }, 'latency').map(({ name, severity }) => `${name} ${severity}`)
  assert.deepEqual([null, '0.8.0', '0.8.3', '0.8.4', '0.9.0'].map(judged), [[], ['pgvector warning'], ['pgvector warning'], [], []])
})

/** A session of a server with these settings, and what was logged of them. */
function sessionOf(...settings: ServerSetting[]) {
  const lines: string[] = []
  const line = (level: string) => (fields: { name: string }) => void lines.push(`${level} ${fields.name}`)
  const log = { error: line('error'), warn: line('warn'), info: line('info') } as unknown as Log
  const query = (text: string) => Promise.resolve({ rows: text.includes('pg_settings') ? settings : [factsOf()] }) as never
  const check = (accepted: string[] = []) => checkServer(query, { profile: 'latency', accepted, log })
  return { lines, check }
}

test('a server that may lose rows stops the sink, which says all that is to be done', async () => {
  const { lines, check } = sessionOf(setting('fsync', 'off'), setting('full_page_writes', 'off'), setting('autovacuum', 'off'), setting('jit', 'on'))
  await assert.rejects(check(), (error) => {
    assert.ok(error instanceof Halt)
    assert.equal(error.code, 'postgres.unsafe-settings')
    assert.match(error.message, /^fsync is off instead of on: .+\nfull_page_writes is off instead of on: .+$/)
    assert.match(error.remedy, /alter system set fsync = 'on'.+alter system set full_page_writes = 'on'.+SLUICE_ACCEPT_SETTINGS=fsync,full_page_writes/)
    return true
  })
  assert.deepEqual(lines, ['error fsync', 'error full_page_writes', 'warn autovacuum', 'info jit'])
})

test('what is accepted by name is logged and no more, and nothing else is accepted with it', async () => {
  const { lines, check } = sessionOf(setting('fsync', 'off'))
  await check(['fsync'])
  assert.deepEqual(lines, ['error fsync'])
  await assert.rejects(check(['full_page_writes']), Halt)
})

test('what only costs writes does not stop the sink', async () => {
  const { lines, check } = sessionOf(setting('autovacuum', 'off'))
  await check()
  assert.deepEqual(lines, ['warn autovacuum'])
})
