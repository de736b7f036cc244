/** Runs what is to see a mutant, and reads what it saw. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attempt, lastLines, type Outcome } from '#stack/command.ts'
import type { FailedTest } from './failures-reporter.ts'
import type { Detector } from './mutant.ts'

/** What was seen, in words for the table; undefined when nothing was. */
export type Seen = string | undefined

export interface Surroundings {
  /** Root of the tree to be judged. */
  dir: string
  /** First seed of simulations and rounds. */
  seed: number
  /** KAFKA_BROKERS and the like, for tests that need them. */
  stackEnv(): Promise<Record<string, string>>
}

const LIMIT_MS = { unit: 40_000, onStack: 120_000, simulation: 120_000, faults: 300_000 }

/** @throws Error when the detector itself did not work, which proves nothing */
export async function detect(detector: Detector, surroundings: Surroundings): Promise<Seen> {
  if (detector.by === 'test') return inTest(detector, surroundings)
  if (detector.by === 'simulation') return inSimulation(surroundings)
  return detector.by === 'sink' ? inStrikes(['--sink', String(detector.strikes)], surroundings) : inFaults(detector, surroundings)
}

export function describe(detector: Detector): string {
  if (detector.by === 'test') return detector.file
  if (detector.by === 'sink') return `${detector.strikes} strikes at the sink`
  return detector.by === 'simulation' ? 'simulation' : `fault ${detector.row}`
}

async function node(args: string[], { dir }: Surroundings, timeoutMs: number, env: Record<string, string> = {}): Promise<Outcome> {
  // Without its variable, a test runner that is itself run by a test would report to that one.
  const own = { ...process.env, NODE_TEST_CONTEXT: undefined, ...env }
  return attempt(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], { cwd: dir, timeoutMs, env: own })
}

const REPORTER = './test/delivery/mutants/failures-reporter.ts'

/** What a mistake in the sources throws: then the mutant is no product with a guard less, but none at all. */
const MISTAKES = new Set(['SyntaxError', 'ReferenceError'])

/** In one process, so that nothing of a test that hangs is left behind; it ends although a connection was left open. */
async function inTest({ file, needsStack = false }: Extract<Detector, { by: 'test' }>, surroundings: Surroundings): Promise<Seen> {
  const args = ['--test', '--test-isolation=none', '--test-force-exit', `--test-reporter=${REPORTER}`, '--test-timeout=30000', file]
  const outcome = await node(args, surroundings, needsStack ? LIMIT_MS.onStack : LIMIT_MS.unit, needsStack ? await surroundings.stackEnv() : {})
  if (outcome.code === 0) return undefined
  if (ranOut(outcome)) return 'the test did not end'
  const failed = jsonLines<FailedTest>(outcome.stdout)
  const isBroken = failed.some(({ name, error }) => MISTAKES.has(error) || name.endsWith(file))
  if (failed.length === 0 || isBroken) throw new Error(lastLines(outcome.stdout + outcome.stderr, 8))
  return listed(failed.map(({ name }) => `“${name}”`))
}

function jsonLines<T>(text: string): T[] {
  return text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as T)
}

function listed(names: string[]): string {
  const shown = names.slice(0, 2).join(', ')
  return names.length > 2 ? `${shown} and ${names.length - 2} more` : shown
}

function ranOut({ stderr }: Outcome): boolean {
  return stderr.endsWith('ended by SIGKILL')
}

/** Most mutants are seen by one of the first ten; a tenth of a second each. */
const SEEDS = 400

async function inSimulation(surroundings: Surroundings): Promise<Seen> {
  const args = ['test/simulation/run.ts', '--seeds', String(SEEDS), '--from', String(surroundings.seed), '--json', '--stop-at-first']
  const outcome = await node(args, surroundings, LIMIT_MS.simulation)
  if (outcome.code === 0) return undefined
  return ranOut(outcome) ? 'the simulation did not end' : `seed ${firstBroken(outcome.stdout)}: ${counted(outcome.stdout, outcome)}`
}

function firstBroken(report: string): number | undefined {
  return (parsed(report) as { broken?: { seed: number }[] } | undefined)?.broken?.[0]?.seed
}

function inFaults({ row, rounds }: Extract<Detector, { by: 'faults' }>, surroundings: Surroundings): Promise<Seen> {
  return inStrikes(['--only', row, '--rounds', String(rounds)], surroundings)
}

async function inStrikes(which: string[], surroundings: Surroundings): Promise<Seen> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-mutant-'))
  try {
    const report = join(folder, 'report.json')
    const args = ['test/delivery/faults/run.ts', ...which, '--seed', String(surroundings.seed), '--json', report]
    const outcome = await node(args, surroundings, LIMIT_MS.faults)
    if (outcome.code === 0) return undefined
    return ranOut(outcome) ? 'the round did not end' : counted(await readFile(report, 'utf8').catch(() => ''), outcome)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Broken invariants and how often each, out of a report in JSON. @throws Error when it tells of none: then the run itself failed */
function counted(report: string, { stdout, stderr }: Outcome): string {
  const counts = new Map<string, number>()
  for (const name of invariantsIn(parsed(report))) counts.set(name, (counts.get(name) ?? 0) + 1)
  if (counts.size === 0) throw new Error(lastLines(stdout + stderr, 8))
  return [...counts].sort(([, a], [, b]) => b - a).map(([name, times]) => `${times} × ${name}`).join(', ')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The names of all violations, wherever in the report they stand. */
function* invariantsIn(report: unknown): Generator<string> {
  if (typeof report !== 'object' || report === null) return
  if ('invariant' in report && typeof report.invariant === 'string') yield report.invariant
  for (const part of Object.values(report)) yield* invariantsIn(part)
}
