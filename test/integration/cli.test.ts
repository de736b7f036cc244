/** The commands as a person runs them: processes of their own, on a real stack. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { choosePorts } from '#stack/ports.ts'
import { startStack, type Stack } from '#stack/stack.ts'
import { eventually } from '#test/support/eventually.ts'

const MAIN = join(import.meta.dirname, '../../cli/main.ts')
const dir = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
/** A command that hangs fails its own test only. */
const COMMAND_DEADLINE_MS = 120_000
const children = new Set<ChildProcess>()
let stack: Stack
let healthPort: number

interface Ended { code: number | null; out: string; err: string }

function start(args: string[], settings: Record<string, string> = {}, input?: string): { child: ChildProcess; ended: Promise<Ended> } {
  const env = {
    PATH: process.env['PATH'] ?? '', HOME: dir, ...stack.env(), SLUICE_MODELS: join(dir, 'models'), SLUICE_FILE_ROOTS: dir, SLUICE_HEALTH_PORT: '0', ...settings,
  }
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], { cwd: dir, env, stdio: 'pipe' })
  children.add(child)
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => { out += chunk })
  child.stderr.on('data', (chunk: Buffer) => { err += chunk })
  child.stdin.end(input)
  const hung = setTimeout(() => child.kill('SIGKILL'), COMMAND_DEADLINE_MS)
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => {
    children.delete(child)
    clearTimeout(hung)
    resolve({ code, out, err })
  }))
  return { child, ended }
}

const sluice = (args: string[], settings?: Record<string, string>, input?: string): Promise<Ended> => start(args, settings, input).ended

/** A picture of coloured squares, other ones for another seed. */
async function picture(name: string, seed: number): Promise<string> {
  const path = join(dir, 'media', name)
  const side = 8
  const pixels = Buffer.from(Uint8Array.from({ length: side * side * 3 }, (_, i) => (Math.imul(i + 1, 2_654_435_761 + seed * 40_503) >>> 13) & 0xff))
  await sharp(pixels, { raw: { width: side, height: side, channels: 3 } }).resize(400, 400, { kernel: 'nearest' }).jpeg({ quality: 90 }).toFile(path)
  return path
}

before(async () => {
  stack = await startStack({ dir: join(dir, 'stack'), env: {} })
  healthPort = (await choosePorts(['healthPort']))['healthPort']!
  mkdirSync(join(dir, 'media'))
})

after(async () => {
  for (const child of children) child.kill('SIGKILL')
  await stack?.stop()
  rmSync(dir, { recursive: true, force: true })
})

test('help lists the commands, and what is no command ends with 2', async () => {
  const help = await sluice(['--help'])
  assert.equal(help.code, 0)
  for (const command of ['demo', 'submit', 'status', 'doctor', 'topics']) assert.match(help.out, new RegExp(`^  ${command}`, 'm'))
  assert.equal((await sluice(['conquer'])).code, 2)
  assert.equal((await sluice(['run'])).code, 2)
  assert.equal((await sluice(['search', 'a', 'red', 'car'])).code, 2)
})

test('a stage that lacks its topics halts with the command that makes them', async () => {
  const { code, err } = await sluice(['run', 'download'])
  assert.equal(code, 1)
  assert.match(err, /registry\.not-registered|kafka\.topic-missing/)
  assert.match(err, /sluice topics apply/)
})

test('topics and tables are made once, and asking again changes nothing', async () => {
  assert.equal((await sluice(['topics', 'apply', '--quiet'])).code, 0)
  assert.deepEqual(JSON.parse((await sluice(['topics', 'plan', '--json'])).out), [])
  assert.equal((await sluice(['migrate'])).code, 0)
  assert.deepEqual(JSON.parse((await sluice(['migrate', '--json'])).out), { applied: [] })
})

test('a dependency that is away ends a command with 4, its name and a remedy, as text and as JSON', async () => {
  const { code, out, err } = await sluice(['status', '--json'], { KAFKA_BROKERS: '127.0.0.1:1' })
  assert.equal(code, 4)
  assert.equal(JSON.parse(out).error.code, 'kafka.unreachable')
  assert.match(err, /→ .*KAFKA_BROKERS/)
  assert.doesNotMatch(err, /at .*\.ts:\d+/, 'a stack trace is for debugging')
})

test('a stage whose model is missing halts with 1 and the command that gets it', async () => {
  const { code, err } = await sluice(['run', 'embed'], { SLUICE_MODEL: 'clip-vit-b-32' })
  assert.equal(code, 1)
  assert.match(err, /embed\.model-missing[^]*sluice model pull clip-vit-b-32/)
})

test('stages that nobody runs are told as stopped, with 1', async () => {
  const { code, out } = await sluice(['status', '--json'])
  assert.equal(code, 1)
  const { stages } = JSON.parse(out) as { stages: { stage: string; state: string }[] }
  assert.equal(stages.length, 8)
  assert.ok(stages.every(({ state }) => state === 'STOPPED'))
})

test('what is submitted comes out, can be looked up and searched, and the stages end in order', async () => {
  await Promise.all([picture('one.jpg', 1), picture('two.jpg', 2)])
  writeFileSync(join(dir, 'media', 'page.jpg'), '<!doctype html><html><title>Not found</title></html>')
  const stages = start(['run', '--all'], { SLUICE_HEALTH_PORT: String(healthPort) })
  await eventually(async () => assert.equal((await fetch(`http://127.0.0.1:${healthPort}/healthz`)).status, 200), 60_000)

  const submitted = await sluice(['submit', '--wait', '--json', '--tag', 'Test', 'media'])
  assert.equal(submitted.code, 1, 'one of the three fails')
  const lines = submitted.out.trim().split('\n').map((line) => JSON.parse(line) as { id: string; name: string; outcome: string; code?: string })
  const outcomes = new Map(lines.map((line) => [line.name, line]))
  assert.equal(outcomes.get('media/page.jpg')?.code, 'download.html')
  const one = outcomes.get('media/one.jpg')!
  assert.equal(one.outcome, 'stored')

  const known = await sluice(['asset', one.id, '--json'])
  assert.equal(known.code, 0)
  const { asset, traceId } = JSON.parse(known.out) as { asset: { kind: string; sourceId: string; width: number }; traceId: string }
  assert.deepEqual([asset.kind, asset.sourceId, asset.width], ['image', 'media/one.jpg', 400])
  assert.match(traceId, /^[0-9a-f]{32}$/)
  assert.match((await sluice(['asset', outcomes.get('media/page.jpg')!.id])).out, /download\.html/)
  assert.equal((await sluice(['asset', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'])).code, 1)

  const like = JSON.parse((await sluice(['search', '--like', 'media/one.jpg', '--json'])).out) as { id: string; score: number }[]
  assert.equal(like[0]?.id, one.id)
  assert.ok(like[0].score > 0.999)
  const tagged = JSON.parse((await sluice(['search', '--tag', '  TEST ', '--json'])).out) as { id: string }[]
  assert.equal(tagged.length, 2)

  const status = await sluice(['status', '--json'])
  assert.equal(status.code, 0, status.out)
  const download = (JSON.parse(status.out) as { stages: { stage: string; lagRecords: number; dead: number; members: number }[] }).stages[0]
  assert.deepEqual([download?.stage, download?.lagRecords, download?.dead, download?.members], ['download', 0, 1, 1])

  stages.child.kill('SIGTERM')
  assert.equal((await stages.ended).code, 0)
})

test('ids are printed one a line for a list from standard input, and a bad line is told', async () => {
  const good = await sluice(['submit', '-', '--quiet'], {}, 'https://example.org/a.jpg\n{"uri":"https://example.org/b.jpg","tags":["b"]}\n')
  assert.equal(good.code, 0)
  assert.equal(good.out.trim().split('\n').filter((line) => /^[0-9a-f-]{36}\thttps:/.test(line)).length, 2)
  assert.equal((await sluice(['submit', '-'], {}, '{"url":"typo"}\n')).code, 2)
})

test('Ctrl-C ends a submission that waits', async () => {
  const { child, ended } = start(['submit', '--wait', 'https://example.org/never.jpg'])
  await eventually(async () => {
    const groups = await sluice(['status', '--stage', 'download', '--json', '--quiet'])
    assert.ok((JSON.parse(groups.out) as { stages: { lagRecords: number }[] }).stages[0]!.lagRecords >= 3, 'the submission has arrived')
  }, 30_000)
  child.kill('SIGINT')
  const { code, err } = await ended
  assert.equal(code, 130)
  assert.match(err, /interrupted/)
})
