/**
 * `npm run test:mutants [-- --only NAME,… --seed N --record --json FILE --list]`: switches off each guard in turn and
 * tells what notices. Ends with 1 when a guard can go unnoticed, or when the table does not fit the sources any more.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startStack, type Stack } from '#stack/stack.ts'
import { describe, detect, type Surroundings } from './detectors.ts'
import type { Detector, Mutant } from './mutant.ts'
import { MUTANTS } from './mutants.ts'
import { outcomeOf, tableOf, type Verdict } from './report.ts'
import { recordSection } from '#test/support/results-section.ts'
import { Workspace } from './workspace.ts'

const RESULTS = join(import.meta.dirname, '../RESULTS.md')

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, seed: { type: 'string', default: '1' }, record: { type: 'boolean' }, json: { type: 'string' }, list: { type: 'boolean' } },
})

/** Started for the first test that needs one, shared by all. */
class SharedStack {
  #dir: string | undefined
  #starting: Promise<Stack> | undefined

  async env(): Promise<Record<string, string>> {
    this.#dir ??= mkdtempSync(join(tmpdir(), 'sluice-mutants-stack-'))
    this.#starting ??= startStack({ dir: this.#dir })
    return (await this.#starting).env()
  }

  async stop(): Promise<void> {
    const started = await this.#starting?.catch(() => undefined) // whoever asked for it was told
    await started?.stop()
    if (this.#dir) rmSync(this.#dir, { recursive: true, force: true })
  }
}

const stack = new SharedStack()

async function main(): Promise<void> {
  const mutants = chosen(options.only)
  if (options.list) return console.log(mutants.map(({ name, file, seenBy }) => `${name.padEnd(28)} ${file.padEnd(38)} ${describe(seenBy)}`).join('\n'))
  const startedMs = performance.now()
  try {
    const verdicts = await judgeAll(mutants, await complaintsOf(mutants))
    const survivors = verdicts.filter(({ seen }) => seen === undefined)
    console.log(`${verdicts.length - survivors.length} of ${verdicts.length} caught in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`)
    if (options.json) await writeFile(options.json, JSON.stringify(verdicts, null, 2))
    if (options.record) recordSection(RESULTS, 'mutants', tableOf(verdicts, madeOf(startedMs)))
    process.exitCode = survivors.length > 0 ? 1 : 0
  } finally {
    await stack.stop()
  }
}

function chosen(only: string | undefined): Mutant[] {
  const names = only?.split(',')
  const unknown = names?.filter((name) => !MUTANTS.some((mutant) => mutant.name === name)) ?? []
  if (unknown.length > 0) throw new Error(`There is no mutant ${unknown.join(', ')}; --list names them.`)
  return MUTANTS.filter(({ name }) => !names || names.includes(name))
}

/** What each detector says of the product with all guards on. One that complains of that is no witness against a mutant. */
async function complaintsOf(mutants: readonly Mutant[]): Promise<Map<string, string>> {
  const detectors = new Map(mutants.map(({ seenBy }) => [JSON.stringify(seenBy), seenBy]))
  const complaints = new Map<string, string>()
  await inTurns([...detectors], async ([key, detector], workspace) => {
    const complaint = await detect(detector, surroundingsOf(workspace)).catch((error: unknown) => (error as Error).message)
    if (complaint !== undefined) complaints.set(key, `with all guards on it reports: ${complaint}`)
    console.log(`${complaint === undefined ? '·' : '✖'} ${describe(detector)} ${complaints.get(key) ?? 'is quiet with all guards on'}`)
  }, ([, detector]) => detector)
  return complaints
}

async function judgeAll(mutants: readonly Mutant[], complaints: ReadonlyMap<string, string>): Promise<Verdict[]> {
  const verdicts = new Map<Mutant, Verdict>()
  await inTurns(mutants, async (mutant, workspace) => {
    const error = complaints.get(JSON.stringify(mutant.seenBy))
    const verdict = error === undefined ? await judge(mutant, workspace) : { mutant, seen: undefined, seconds: 0, error }
    verdicts.set(mutant, verdict)
    console.log(`${verdict.seen === undefined ? '✖' : '✔'} ${mutant.name}: ${outcomeOf(verdict)} (${verdict.seconds.toFixed(0)} s)`)
  }, ({ seenBy }) => seenBy)
  return mutants.map((mutant) => verdicts.get(mutant)!)
}

async function judge(mutant: Mutant, workspace: Workspace): Promise<Verdict> {
  const startedMs = performance.now()
  const secondsSince = (): number => (performance.now() - startedMs) / 1000
  try {
    const seen = await workspace.with(mutant, () => detect(mutant.seenBy, surroundingsOf(workspace)))
    return { mutant, seen, seconds: secondsSince() }
  } catch (error) {
    return { mutant, seen: undefined, seconds: secondsSince(), error: (error as Error).message }
  }
}

/**
 * Two at a time, each in a workspace of its own: what needs the stack or real processes one after the other, since load
 * from beside might fail a test that the mutant would not; the rest beside it.
 */
async function inTurns<T>(items: readonly T[], work: (item: T, workspace: Workspace) => Promise<void>, detectorOf: (item: T) => Detector): Promise<void> {
  const isHeavy = (item: T): boolean => usesStack(detectorOf(item))
  const queues = [items.filter(isHeavy), items.filter((item) => !isHeavy(item))]
  if (availableParallelism() === 1) queues.splice(0, 2, queues.flat())
  await settleAll(queues.map(async (queue) => {
    if (queue.length === 0) return
    const workspace = await Workspace.open()
    try {
      for (const item of queue) await work(item, workspace)
    } finally {
      await workspace.remove()
    }
  }))
}

/** Waits for all, so that nothing runs on behind an error. */
async function settleAll(works: Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason
}

function usesStack(detector: Detector): boolean {
  return detector.by === 'faults' || detector.by === 'sink' || (detector.by === 'test' && detector.needsStack === true)
}

function surroundingsOf({ dir }: Workspace): Surroundings {
  return { dir, seed: Number(options.seed), stackEnv: () => stack.env() }
}

function madeOf(startedMs: number): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8', cwd: import.meta.dirname }).trim()
  const commit = git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', ':/', ':!/test/**/RESULTS.md') === '' ? '' : ' with changes')
  const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1)
  return `${new Date().toISOString().slice(0, 10)}, commit ${commit}, ${minutes} minutes on ${cpus().length} × ${cpus()[0]?.model.trim()}, seed ${options.seed}.`
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
await main()
