/** The ground of the write benchmark: known amounts are written, and each layer must say so, by arithmetic. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, describe, it, type TestContext } from 'node:test'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { Kafka, logLevel } from '#runtime/kafka/patches.ts'
import { commandLineOf } from '#stack/identity.ts'
import { SECTOR_BYTES } from '#test/bench/writes/block-event.ts'
import { sweep } from '#test/bench/writes/ground/folder.ts'
import { openGround, type Ground } from '#test/bench/writes/ground/ground.ts'
import type { BlockCounts, DeviceName, DiskStat, Layers } from '#test/bench/writes/layers.ts'
import { onServer } from '#test/support/database.ts'

const MIB = 2 ** 20

/**
 * A tuple has 24 bytes of header, 8 of id, 4 of length and 992 of text: 1028, in steps of 8: 1032, and 4 of pointer. Of the
 * 8168 bytes of a page 7 such take 7252. So these are 2858 pages.
 */
const ROWS = 20_000
const TEXT = 'x'.repeat(992)
const PAGES = Math.ceil(ROWS / 7)
const TABLE_BYTES = PAGES * 8192
/** What the log must hold of a row: its id, its text and that text's length. */
const ROW_BYTES = 8 + 4 + 992
/** For the journal, catalogs, the control file and the like, whatever the amount. */
const EXTRA_BYTES = 1.5 * MIB

const MESSAGES = 10
const MESSAGE_BYTES = 1_000_000

const RECORDS = 20
const RECORD_BYTES = 250_000

const parent = mkdtempSync(join(tmpdir(), 'sluice-ground-test-'))
chmodSync(parent, 0o755) // for the server's user
after(() => rmSync(parent, { recursive: true, force: true }))

async function copyRows(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  const lines = Readable.from((function* rows() {
    for (let i = 0; i < ROWS; i++) yield `${i}\t${TEXT}\n`
  })())
  await pipeline(lines, client.query(copyFrom('copy filled from stdin')))
  await client.end()
}

async function emitMessages(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  for (let i = 0; i < MESSAGES; i++) await client.query(`select pg_logical_emit_message(false, '', repeat('x', ${MESSAGE_BYTES}))`)
  await client.end()
}

function kafkaOf(ground: Ground): Kafka {
  return new Kafka({ brokers: [ground.kafkaBrokers ?? ''], logLevel: logLevel.NOTHING })
}

async function makeTopic(kafka: Kafka): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'filled', numPartitions: 1, replicationFactor: 1 }] })
  await admin.disconnect()
}

async function produce(kafka: Kafka): Promise<void> {
  const producer = kafka.producer()
  await producer.connect()
  for (let i = 0; i < RECORDS; i++) await producer.send({ topic: 'filled', acks: -1, messages: [{ value: randomBytes(RECORD_BYTES), partition: 0 }] })
  await producer.disconnect()
}

function between(value: number | undefined, least: number, most: number, what: string): void {
  assert.ok(value !== undefined && value >= least && value <= most, `${what}: ${value} is not between ${least} and ${most}`)
}

/** Root on Linux sees all, but for tools that are not installed. */
function mayBeAbsent(reason: string, t: TestContext): void {
  assert.ok(process.platform !== 'linux' || process.getuid?.() !== 0 || /not installed/.test(reason), reason)
  t.skip(reason)
}

/** Of one device, or the test is skipped for the reason that there is none. */
function blockOf(layers: Layers, device: DeviceName, t: TestContext): { traced: BlockCounts; disk: DiskStat } | undefined {
  const { block, disks } = layers
  if ('absent' in block || 'absent' in disks) return t.skip(String('absent' in block ? block.absent : '')) as undefined
  return { traced: block[device]!, disk: disks[device]! }
}

describe('on a ground', () => {
  let ground: Ground
  let table: Layers
  let log: Layers

  before(async () => {
    ground = await openGround({ parent, dataBytes: 512 * MIB, walBytes: 768 * MIB, kafkaBytes: 256 * MIB, walPoolBytes: 64 * MIB, settings: { shared_buffers: '64MB' } })
    const kafka = kafkaOf(ground)
    await makeTopic(kafka)
    await onServer(ground.databaseUrl, 'create table filled (id bigint, text text)')
    table = await ground.measure(() => copyRows(ground.databaseUrl), { quietMs: 500, systemCalls: true })
    log = await ground.measure(async () => {
      await emitMessages(ground.databaseUrl)
      await produce(kafka)
    }, { quietMs: 500 })
  })
  after(() => ground?.close())

  it('a table that is filled adds its pages, and the checkpoint writes them', () => {
    const { commits, pagesWritten } = table.postgres
    assert.equal(commits, 1)
    between(pagesWritten.extended, PAGES, PAGES * 1.02, 'pages added')
    between(pagesWritten.checkpointer + pagesWritten.backends + pagesWritten.backgroundWriter, PAGES, PAGES * 1.02, 'pages written')
  })

  it('its rows are in the log once, in a record for each page', () => {
    const { wal, walByManager } = table.postgres
    between(wal.bytes, ROWS * ROW_BYTES, ROWS * ROW_BYTES * 1.03, 'bytes of WAL')
    // A record ends with its page, or with what COPY has gathered: 64 kB, so each 63 rows or more.
    between(walByManager.Heap2?.records, PAGES, PAGES + Math.ceil(ROWS / 63) + 10, 'records')
    const counted = Object.values(walByManager).reduce((sum, { bytes }) => sum + bytes, 0)
    between(counted, wal.bytes * 0.99, wal.bytes * 1.01, 'bytes that pg_waldump finds')
  })

  it('its pages are on the data device once, its log on the other', (t) => {
    const data = blockOf(table, 'data', t)
    const wal = blockOf(table, 'wal', t)
    if (data === undefined || wal === undefined) return
    between(data.traced.bios.writtenBytes, TABLE_BYTES, TABLE_BYTES * 1.02 + EXTRA_BYTES, 'bytes on the data device')
    between(wal.traced.bios.writtenBytes, table.postgres.wal.bytes, table.postgres.wal.bytes * 1.02 + EXTRA_BYTES, 'bytes on the WAL\'s device')
    assert.ok(wal.traced.bios.flushes >= 1, 'a commit is flushed')
  })

  it('the trace holds every write, one by one, as the disk counts them', (t) => {
    for (const device of ['data', 'wal', 'kafka'] as const) {
      const counted = blockOf(log, device, t)
      if (counted === undefined) return
      const { traced, disk } = counted
      const sectors = traced.events.filter(({ kind }) => kind === 'write').reduce((sum, event) => sum + event.sectors, 0)
      assert.equal(sectors * SECTOR_BYTES, disk.writtenBytes)
      assert.equal(traced.requests.writtenBytes, disk.writtenBytes)
      assert.ok(traced.events.every(({ timeUs }, i) => i === 0 || timeUs >= traced.events[i - 1]!.timeUs), 'in order of time')
    }
  })

  it('the server\'s own calls hold the same bytes', (t) => {
    const { systemCalls } = table
    if ('absent' in systemCalls) return mayBeAbsent(systemCalls.absent, t)
    const written = (device: DeviceName): number => ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'].reduce((sum, name) => sum + (systemCalls.byDevice[device]?.[name]?.bytes ?? 0), 0)
    // Some pages are written as zeros first, when they are added to the file.
    between(written('data'), TABLE_BYTES, TABLE_BYTES * 2.02 + EXTRA_BYTES, 'bytes written to data')
    between(written('wal'), table.postgres.wal.bytes, table.postgres.wal.bytes * 1.02 + EXTRA_BYTES, 'bytes written to WAL')
    between(systemCalls.byDevice.wal?.fdatasync?.count, 1, 1000, 'flushes of WAL')
  })

  it('its processes dirtied the table and the log', (t) => assertDirtied(table, t))

  it('what goes to the log only is counted there only', () => {
    const { commits, wal, walByManager, pagesWritten } = log.postgres
    assert.equal(commits, MESSAGES)
    assert.equal(walByManager.LogicalMessage?.records, MESSAGES)
    between(walByManager.LogicalMessage?.bytes, MESSAGES * MESSAGE_BYTES, MESSAGES * (MESSAGE_BYTES + 200), 'bytes of messages')
    between(wal.bytes, MESSAGES * MESSAGE_BYTES, MESSAGES * (MESSAGE_BYTES + 200) + 100_000, 'bytes of WAL')
    between(pagesWritten.extended, 0, 10, 'pages added')
  })

  it('and lies on the WAL\'s device only', (t) => {
    const data = blockOf(log, 'data', t)
    const wal = blockOf(log, 'wal', t)
    if (data === undefined || wal === undefined) return
    between(wal.disk.writtenBytes, MESSAGES * MESSAGE_BYTES, MESSAGES * MESSAGE_BYTES * 1.02 + EXTRA_BYTES, 'bytes on the WAL\'s device')
    between(data.disk.writtenBytes, 0, EXTRA_BYTES, 'bytes on the data device')
  })

  it('what is sent to the broker lies on its device once', (t) => {
    const kafka = blockOf(log, 'kafka', t)
    if (kafka === undefined) return
    between(kafka.disk.writtenBytes, RECORDS * RECORD_BYTES, RECORDS * RECORD_BYTES * 1.02 + EXTRA_BYTES, 'bytes on the broker\'s device')
  })

  it('a failure of the work is passed on, and the next window holds nothing of it but a checkpoint', async () => {
    await assert.rejects(ground.measure(() => Promise.reject(new Error('no work today')), { quietMs: 100 }), /no work today/)
    const { postgres, disks } = await ground.measure(async () => undefined, { quietMs: 100 })
    assert.equal(postgres.commits, 0)
    assert.deepEqual(Object.keys(postgres.walByManager).filter((manager) => !['XLOG', 'Standby'].includes(manager)), [])
    if (!('absent' in disks)) between(disks.data!.writtenBytes + disks.wal!.writtenBytes + disks.kafka!.writtenBytes, 0, EXTRA_BYTES, 'bytes on all devices')
  })
})

/** Whether devices or not: both lie in the page cache first. A page of WAL that is flushed half full is dirtied twice. */
function assertDirtied({ processes, postgres }: Layers, t: TestContext): void {
  if ('absent' in processes) return mayBeAbsent(processes.absent, t)
  const bytes = TABLE_BYTES + postgres.wal.bytes
  between(processes.postgres.dirtiedBytes, bytes, bytes * 1.5 + EXTRA_BYTES, 'bytes dirtied')
  between(processes.postgres.callBytes, bytes, bytes * 2.5 + EXTRA_BYTES, 'bytes in calls')
}

it('without devices of its own a ground says so, and counts what can still be seen', async (t) => {
  const ground = await openGround({ parent, dataBytes: 512 * MIB, walBytes: 768 * MIB, walPoolBytes: 64 * MIB, devices: false })
  try {
    await onServer(ground.databaseUrl, 'create table filled (id bigint, text text)')
    const layers = await ground.measure(() => copyRows(ground.databaseUrl))
    assert.deepEqual(layers.block, { absent: 'no devices of our own: not asked for' })
    assert.deepEqual(layers.disks, layers.block)
    between(layers.postgres.wal.bytes, ROWS * ROW_BYTES, ROWS * ROW_BYTES * 1.03, 'bytes of WAL')
    assertDirtied(layers, t)
  } finally {
    await ground.close()
  }
})

it('of two runs that end in the middle, the one by SIGTERM leaves nothing, and the one by SIGKILL what the next removes', async () => {
  const elsewhere = join(parent, 'elsewhere')
  const [killed, ended] = await Promise.all([openElsewhere(elsewhere), openElsewhere(elsewhere)])
  killed.child.kill('SIGKILL')
  await once(killed.child, 'exit')
  assert.notDeepEqual(tracesOf(killed.folder), [])
  assert.deepEqual(await sweep(elsewhere), [killed.folder], 'and leaves alone what another uses')
  assert.deepEqual(tracesOf(killed.folder), [])
  assert.equal(readFileSync(join(ended.folder, 'data', 'postgres', 'PG_VERSION'), 'utf8'), '18\n')
  ended.child.kill('SIGTERM')
  assert.deepEqual(await once(ended.child, 'exit'), [null, 'SIGTERM'])
  assert.deepEqual(tracesOf(ended.folder), [])
})

/** A ground in a process of its own, in the middle of a window. */
async function openElsewhere(parent: string): Promise<{ child: ChildProcess; folder: string }> {
  const program = `
    import { dirname } from 'node:path'
    import { openGround } from '#test/bench/writes/ground/ground.ts'
    const ground = await openGround({ parent: ${JSON.stringify(parent)}, dataBytes: ${256 * MIB}, walBytes: ${768 * MIB}, walPoolBytes: 0 })
    await ground.measure(() => new Promise(() => { console.log(process.pid); setInterval(() => undefined, 1000) }), { quietMs: 100 })`
  const child = spawn(process.execPath, ['--input-type=module', '--disable-warning=ExperimentalWarning', '--eval', program], { cwd: join(import.meta.dirname, '..', '..'), stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await Promise.race([once(child.stdout!, 'data'), once(child, 'exit').then(() => ['it ended'])])) as [unknown]
  assert.equal(String(line).trim(), String(child.pid))
  const owned = readdirSync(parent).map((name) => join(parent, name)).find((folder) => readFileSync(join(folder, 'owner.json'), 'utf8').includes(`"pid":${child.pid},`))
  return { child, folder: owned ?? '' }
}

/** Whatever of a ground is still there: folder, processes, mounts, loop devices, traces. */
function tracesOf(folder: string): string[] {
  if (process.platform !== 'linux') return existsSync(folder) ? [folder] : []
  const loops = readdirSync('/sys/block').map((disk) => `/sys/block/${disk}/loop/backing_file`).filter((file) => existsSync(file) && readFileSync(file, 'utf8').includes(folder))
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.includes(folder))
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((pid) => commandLineOf(Number(pid))).filter((line) => line.includes(`${folder}/`))
  const others = [folder, `/sys/kernel/tracing/instances/sluice-${basename(folder)}`].filter((path) => existsSync(path))
  return [...others, ...loops, ...mounts, ...processes]
}
