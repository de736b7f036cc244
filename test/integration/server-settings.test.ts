/** What is said of a real server's settings, and whether the remedies that are given work. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { readServerFacts } from '#runtime/postgres/server-facts.ts'
import { examineServer, type Profile, type SettingFinding } from '#runtime/postgres/server-settings.ts'
import { amountOf, parseAmount } from '#runtime/postgres/setting-amounts.ts'
import { RULES } from '#runtime/postgres/setting-rules.ts'
import { findPostgres } from '#stack/doctor/postgres.ts'
import { dropDatabases, freshDatabase, onServer } from '#test/support/database.ts'
import { stackFor } from '#test/support/stack.ts'

after(dropDatabases)
const server = (await stackFor(['postgres'], { own: true })).databaseUrl
let databaseUrl: string

before(async () => {
  databaseUrl = await freshDatabase(server)
})

/** As a new session sees it. */
async function examined(profile: Profile = 'latency'): Promise<SettingFinding[]> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return await examineServer((text, values = []) => client.query(text, values), profile)
  } finally {
    await client.end()
  }
}

const namesOf = (findings: SettingFinding[]): string[] => findings.map(({ name, severity }) => `${severity} ${name}`)

test('the private stack\'s own server has nothing amiss', async () => {
  assert.deepEqual(namesOf(await examined()), [])
})

test('for fewest writes it is told what it lacks, and none of that is an error', async () => {
  const findings = await examined('raid5')
  assert.deepEqual(findings.filter(({ severity }) => severity === 'error'), [])
  assert.ok(namesOf(findings).includes('warning max_wal_size'))
})

test('every setting of a rule exists in PostgreSQL 18, and takes the value that is advised', async () => {
  const query = <R extends object>(text: string, values: unknown[] = []) => onServer<R>(server, text, values).then((rows) => ({ rows }))
  const { settings } = await readServerFacts(query, RULES.map((rule) => rule.setting))
  const limits = await onServer<{ name: string; max: string }>(server, 'select name, max_val as max from pg_settings where max_val is not null')
  for (const { setting: name, advised } of RULES) {
    const setting = settings.get(name)
    assert.ok(setting, name)
    const text = typeof advised === 'string' ? advised : advised(setting)
    if (setting.choices) assert.ok(setting.choices.includes(text), `${name} = ${text}`)
    const max = limits.find((limit) => limit.name === name)?.max
    if (max !== undefined) assert.ok(parseAmount(text) <= amountOf({ value: max, unit: setting.unit }), `${name} = ${text}`)
  }
})

test('a database that answers before its commits are on disk is an error until the statement in the remedy was run', async () => {
  await onServer(databaseUrl, `alter database ${new URL(databaseUrl).pathname.slice(1)} set synchronous_commit = off`)
  const [finding, ...others] = await examined()
  assert.deepEqual(others, [])
  assert.equal(finding?.name, 'synchronous_commit')
  assert.equal(finding.severity, 'error')
  await onServer(databaseUrl, /`(.+?)`/.exec(finding.remedy)![1]!)
  assert.deepEqual(await examined(), [])
})

test('the same for a role, whose statement it may run itself', async () => {
  await onServer(databaseUrl, 'alter role current_user set jit = on')
  const [finding] = await examined()
  assert.match(finding?.remedy ?? '', /alter role sluice set jit = 'off'/)
  await onServer(databaseUrl, /`(.+?)`/.exec(finding!.remedy)![1]!)
  assert.deepEqual(await examined(), [])
})

test('the doctor shows it with its reason, and says so when all is well', async () => {
  const url = new URL(databaseUrl)
  assert.deepEqual((await findPostgres({ DATABASE_URL: url.href })).map(({ state }) => state), ['ok', 'ok', 'ok'])
  url.searchParams.set('options', '-c synchronous_commit=off -c jit=on')
  const findings = await findPostgres({ DATABASE_URL: url.href })
  assert.deepEqual(findings.slice(2).map(({ part, state, found }) => ({ part, state, found })), [
    { part: 'Postgres: synchronous_commit', state: 'unsafe', found: 'off' },
    { part: 'Postgres: jit', state: 'note', found: 'on' },
  ])
  assert.match(findings[2]?.why ?? '', /asset\.stored/)
  assert.match(findings[2]?.remedy ?? '', /DATABASE_URL/)
})
