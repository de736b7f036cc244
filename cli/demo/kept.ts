/** What a demo with --keep left running: its stack's folder, and the process of its stages. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { identify, isRunning, signalOwn, type Identity } from '#stack/identity.ts'
import { until } from '#stack/wait.ts'

export const DEMO_DIR = '.sluice/demo'
export const DEMO_STACK_DIR = '.sluice/demo-stack'
const STAGES_FILE = `${DEMO_DIR}/stages.json`
const ORDERLY_END_MS = 8_000
const FORCED_END_MS = 2_000

/** Notes the process, whose command line ends in `run --all`, so that `sluice down` finds it. */
export async function noteStages(pid: number): Promise<void> {
  const identity = identify(pid, 'run --all')
  await mkdir(dirname(STAGES_FILE), { recursive: true })
  await writeFile(STAGES_FILE, JSON.stringify(identity ?? null))
}

/** Ends the noted process if it is still there; resolves to whether it was. */
export async function stopKeptStages(): Promise<boolean> {
  const identity = await readIdentity()
  if (identity === undefined || !isRunning(identity)) return false
  for (const [signal, waitMs] of [['SIGTERM', ORDERLY_END_MS], ['SIGKILL', FORCED_END_MS]] as const) {
    if (!signalOwn(identity, signal)) break
    await until(async () => (isRunning(identity) ? undefined : true), AbortSignal.timeout(waitMs)).catch(() => undefined)
  }
  await rm(STAGES_FILE, { force: true })
  return true
}

async function readIdentity(): Promise<Identity | undefined> {
  try {
    return (JSON.parse(await readFile(STAGES_FILE, 'utf8')) as Identity | null) ?? undefined
  } catch {
    return undefined // never written, or cut short: then its process had no time to be kept
  }
}
