/**
 * `npm test [-- RING…]`: the compiler, the linter, and every ring but bench. The rings integration, delivery and
 * quality share one private stack, or the brokers and databases of the environment.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { startStack } from '#stack/stack.ts'

const ROOT = join(import.meta.dirname, '..')

/** In order of cost. Rings with a stack run one file at a time: they share its two cores. */
const RINGS = {
  unit: { stack: false, concurrency: 2 },
  contract: { stack: false, concurrency: 2 },
  simulation: { stack: false, concurrency: 2 },
  quality: { stack: false, concurrency: 1 },
  integration: { stack: true, concurrency: 1 },
  delivery: { stack: true, concurrency: 1 },
} as const

type Ring = keyof typeof RINGS

/** A test that hangs, or a file that leaves something open, must not take the run with it. */
const TEST_TIMEOUT_MS = 14 * 60_000
const RING_TIMEOUT_MS = 40 * 60_000

interface Totals { passed: number; failed: number; skipped: number }

const totals: Totals = { passed: 0, failed: 0, skipped: 0 }

async function main(): Promise<void> {
  const wanted = process.argv.slice(2) as Ring[]
  const unknown = wanted.filter((ring) => !(ring in RINGS))
  if (unknown.length > 0) {
    console.error(`There is no ring ${unknown.join(', ')}. Choose from ${Object.keys(RINGS).join(', ')}.`)
    process.exit(2)
  }
  if (wanted.length === 0) await check()
  const rings = wanted.length > 0 ? wanted : (Object.keys(RINGS) as Ring[])
  for (const ring of rings.filter((name) => !RINGS[name].stack)) await runRing(ring)
  await withStack(rings.filter((name) => RINGS[name].stack))
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
  process.exitCode = totals.failed > 0 ? 1 : 0
}

async function check(): Promise<void> {
  await tool('compiler', ['node_modules/typescript/bin/tsc', '--noEmit'])
  await tool('linter', ['node_modules/eslint/bin/eslint.js', '.'])
}

async function tool(name: string, args: string[]): Promise<void> {
  console.log(`▶ ${name}`)
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit' })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  totals[code === 0 ? 'passed' : 'failed'] += 1
}

async function withStack(rings: Ring[]): Promise<void> {
  if (rings.length === 0) return
  const dir = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  const stack = await startStack({ dir })
  try {
    Object.assign(process.env, stack.env())
    for (const ring of rings) await runRing(ring)
  } finally {
    await stack.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function runRing(ring: Ring): Promise<void> {
  const files = globSync(join(ROOT, 'test', ring, '**', '*.test.ts')).sort()
  if (files.length === 0) return
  console.log(`▶ ${ring} (${files.length} files)`)
  const events = run({ files, concurrency: RINGS[ring].concurrency, timeout: TEST_TIMEOUT_MS, signal: AbortSignal.timeout(RING_TIMEOUT_MS) })
  events.on('test:summary', ({ counts, file }) => {
    if (file !== undefined) return
    totals.passed += counts.passed
    totals.failed += counts.tests - counts.passed - counts.skipped - counts.todo
    totals.skipped += counts.skipped
  })
  events.on('test:fail', ({ file, name }) => console.log(`✖ ${file ? relative(ROOT, file) : ''}: ${name}`))
  const report = events.compose(new spec())
  report.pipe(process.stdout, { end: false })
  await finished(report)
}

await main()
