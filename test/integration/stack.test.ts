/** The private stack from nothing to nothing: each part asked by its own protocol. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import pg from 'pg'
import { Kafka, logLevel } from '#runtime/kafka/patches.ts'
import { startStack, type Part, type Stack } from '#stack/stack.ts'
import { stopStack } from '#stack/lease.ts'
import { until } from '#stack/wait.ts'

/** Nothing given: these tests are about the private stack, also where others are told to use another one. */
const env = {}
const TOPIC = 'stack.kept'
const SCHEMA = JSON.stringify({ type: 'record', name: 'Kept', fields: [{ name: 'a', type: 'string' }] })
const BOUNDED = { timeout: 180_000 }

const made: string[] = []
const folder = (mode = 0o755): string => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-stack-'))
  chmodSync(dir, mode)
  made.push(dir)
  return dir
}

after(async () => {
  for (const dir of made) {
    await stopStack(dir)
    rmSync(dir, { recursive: true, force: true })
  }
})

function kafkaOf(stack: { kafkaBrokers: string }): Kafka {
  return new Kafka({ brokers: stack.kafkaBrokers.split(','), logLevel: logLevel.NOTHING })
}

async function produceInTransaction(stack: Stack): Promise<void> {
  const kafka = kafkaOf(stack)
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 2, configEntries: [{ name: 'max.message.bytes', value: '4194304' }] }] })
  await admin.disconnect()
  const producer = kafka.producer({ transactionalId: 'stack-test', idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: TOPIC, messages: [{ partition: 0, value: Buffer.alloc(2_000_000, 1) }] })
  await transaction.commit()
  await producer.disconnect()
}

/** End offset of partition 0: one record and the commit's marker. */
async function endOffset(stack: Stack): Promise<string | undefined> {
  const admin = kafkaOf(stack).admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(TOPIC)
  await admin.disconnect()
  return offsets.find(({ partition }) => partition === 0)?.high
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}

function register(stack: Stack): Promise<{ id: number }> {
  return new SchemaRegistry({ host: stack.registryUrl }).register({ type: SchemaType.AVRO, schema: SCHEMA }, { subject: `${TOPIC}-value` })
}

/** Ids of processes whose command line names the folder: the parts and the keeper. */
function processesOf(dir: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    if (pid === process.pid) return false
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dir)
    } catch {
      return false // ended while we looked
    }
  })
}

async function noProcessLeft(dir: string): Promise<void> {
  await until(async () => (processesOf(dir).length === 0 ? true : undefined), AbortSignal.timeout(30_000))
}

test('a stack from an empty folder works, ends without remains, and comes back with all it held', BOUNDED, async () => {
  const dir = folder()
  const first = await startStack({ dir, env })
  await produceInTransaction(first)
  const { id } = await register(first)
  await query(first.databaseUrl, 'create extension vector; create table kept (v halfvec(3)); insert into kept values (\'[1,2,3]\')')
  const addresses = first.env()
  await first.stop()
  await noProcessLeft(dir)

  const second = await startStack({ dir, env })
  assert.deepEqual(second.env(), addresses)
  assert.equal(await endOffset(second), '2')
  const { schema } = await new SchemaRegistry({ host: second.registryUrl }).getSchema(id) as unknown as { schema?: unknown }
  assert.notEqual(schema, null)
  assert.equal((await register(second)).id, id)
  assert.deepEqual(await query(second.databaseUrl, 'select v::text, v <-> \'[1,2,4]\' as distance from kept'), [{ v: '[1,2,3]', distance: 1 }])
  await second.stop()
  await noProcessLeft(dir)
})

test('a part that was killed comes back at the same address with all it held', BOUNDED, async () => {
  const dir = folder()
  const stack = await startStack({ dir, env })
  await produceInTransaction(stack)
  const { id } = await register(stack)
  await query(stack.databaseUrl, 'create table kept (a int); insert into kept values (7)')
  const before = { addresses: stack.env(), pids: stack.pids }
  for (const part of ['kafka', 'registry', 'postgres'] as Part[]) {
    await stack.kill(part, 'SIGKILL')
    await stack.restart(part)
    assert.notEqual(stack.pids[part], before.pids[part])
  }
  assert.deepEqual(stack.env(), before.addresses)
  assert.equal(await endOffset(stack), '2')
  assert.equal((await register(stack)).id, id)
  assert.deepEqual(await query(stack.databaseUrl, 'select a from kept'), [{ a: 7 }])
  await stack.stop()
})

test('two who ask for the same folder at once share one stack, which ends with the last of them', BOUNDED, async () => {
  const dir = folder()
  const [one, two] = await Promise.all([startStack({ dir, env, parts: ['postgres'] }), startStack({ dir, env, parts: ['postgres'] })])
  assert.equal(one.databaseUrl, two.databaseUrl)
  assert.deepEqual(one.pids, two.pids)
  await one.stop()
  assert.deepEqual(await query(two.databaseUrl, 'select 1 as answer'), [{ answer: 1 }])
  await two.stop()
  await noProcessLeft(dir)
})

test('a folder that is closed to other users holds a database all the same', BOUNDED, async () => {
  const dir = folder(0o700)
  const first = await startStack({ dir, env, parts: ['postgres'] })
  await query(first.databaseUrl, 'create table kept (a int); insert into kept values (7)')
  await first.stop()
  const second = await startStack({ dir, env, parts: ['postgres'] })
  assert.deepEqual(await query(second.databaseUrl, 'select a from kept'), [{ a: 7 }])
  await second.stop()
})

test('a folder that was removed comes back empty, wherever its data lay', BOUNDED, async () => {
  for (const mode of [0o700, 0o755]) {
    const dir = folder(mode)
    const first = await startStack({ dir, env, parts: ['postgres'] })
    await query(first.databaseUrl, 'create table kept (a int)')
    await first.stop()
    rmSync(dir, { recursive: true })
    mkdirSync(dir, { mode })
    const second = await startStack({ dir, env, parts: ['postgres'] })
    assert.deepEqual(await query(second.databaseUrl, "select to_regclass('kept') as kept"), [{ kept: null }])
    await second.stop()
  }
})

/** Another process that holds a stack and says where it is. */
async function holder(dir: string): Promise<{ databaseUrl: string; kill: (signal: NodeJS.Signals) => Promise<void> }> {
  const program = `
    import { startStack } from '#stack/stack.ts'
    const stack = await startStack({ dir: ${JSON.stringify(dir)}, env: {}, parts: ['postgres', 'kafka'] })
    console.log(stack.databaseUrl)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'], cwd: join(import.meta.dirname, '..', '..') })
  const ended = once(child, 'exit')
  const [databaseUrl] = await once(createInterface({ input: child.stdout }), 'line') as [string]
  return { databaseUrl, kill: async (signal) => { child.kill(signal); await ended } }
}

test('when the holder is killed without a chance to clean up, its stack ends', BOUNDED, async () => {
  const dir = folder()
  const parent = await holder(dir)
  assert.deepEqual(await query(parent.databaseUrl, 'select 1 as answer'), [{ answer: 1 }])
  await parent.kill('SIGKILL')
  await noProcessLeft(dir)
})

test('when even the keeper is killed the parts end, and the next start finds a clean place', BOUNDED, async () => {
  const dir = folder()
  const parent = await holder(dir)
  const keeper = processesOf(dir).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('keeper.ts'))
  assert.ok(keeper)
  process.kill(keeper, 'SIGKILL')
  const next = await startStack({ dir, env, parts: ['postgres', 'kafka'] })
  assert.deepEqual(await query(next.databaseUrl, 'select 1 as answer'), [{ answer: 1 }])
  await next.stop()
  await parent.kill('SIGKILL')
  await noProcessLeft(dir)
})

test('a stack that is kept outlives its holder until it is told to stop', BOUNDED, async () => {
  const dir = folder()
  const stack = await startStack({ dir, env, parts: ['postgres'] })
  await stack.keep()
  await stack.stop()
  assert.deepEqual(await query(stack.databaseUrl, 'select 1 as answer'), [{ answer: 1 }])
  assert.equal(await stopStack(dir), true)
  await noProcessLeft(dir)
  assert.equal(await stopStack(dir), false)
})

test('parts that are given are used and not started', async () => {
  const dir = join(folder(), 'unused')
  const given = { KAFKA_BROKERS: 'k:9092', SCHEMA_REGISTRY_URL: 'http://r', DATABASE_URL: 'postgres://p/d' }
  const stack = await startStack({ dir, env: given })
  assert.deepEqual(stack.env(), given)
  assert.deepEqual(stack.pids, {})
  await stack.stop()
  assert.equal(existsSync(dir), false)
})

test('a part that dies by itself is reported to who holds the stack', BOUNDED, async () => {
  const dir = folder()
  const notes: string[] = []
  const stack = await startStack({ dir, env, parts: ['postgres'], log: (line) => notes.push(line) })
  process.kill(stack.pids.postgres ?? 0, 'SIGKILL')
  await until(async () => notes.find((note) => note.startsWith('Postgres ended by SIGKILL')), AbortSignal.timeout(30_000))
  const again = await startStack({ dir, env, parts: ['postgres'] })
  assert.deepEqual(await query(again.databaseUrl, 'select 1 as answer'), [{ answer: 1 }])
  await again.stop()
  await stack.stop()
  await noProcessLeft(dir)
})

test('a stack may lie in a folder with an unusual name, and halts at one that it cannot use', BOUNDED, async () => {
  const dir = join(folder(), 'f\u00fcr \'Müll\' $HOME')
  const stack = await startStack({ dir, env })
  await produceInTransaction(stack)
  await register(stack)
  await stack.stop()
  await noProcessLeft(dir)
  await assert.rejects(startStack({ dir: join(dir, 'a,b'), env }), { code: 'stack.folder-name' })
})

test('a part that cannot start says so with the end of its log', BOUNDED, async () => {
  const dir = folder()
  const stack = await startStack({ dir, env, parts: ['postgres'] })
  await stack.stop()
  rmSync(join(dir, 'postgres', 'global', 'pg_control'))
  await assert.rejects(startStack({ dir, env, parts: ['postgres'] }), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'stack.start-failed')
    assert.match(error.message, /Postgres did not start[^]*pg_control/)
    return true
  })
  await noProcessLeft(dir)
})
