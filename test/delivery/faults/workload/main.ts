/**
 * One stage of the workload as a process, wired as `sluice run` does it: `node main.ts STAGE`, settings from the
 * environment, among them FAULTS_PREFIX, FAULTS_VERSION and FAULTS_CLOCK_SKEW_MS. Says what happens in lines of JSON on standard output; its log
 * is on standard error. SIGTERM lets it end what it has begun.
 */
import { startStages, type Stages } from '#cli/stages.ts'
import { systemClock, type Clock } from '#runtime/clock.ts'
import { loadConfig } from '#runtime/config.ts'
import { reasonOf, verdictOf } from '#runtime/errors.ts'
import { createLog } from '#runtime/log.ts'
import { workload, type StageName } from './topology.ts'

/** What a process tells; `progress` after a commit, at most every REPORT_MS. */
export type Told =
  | { event: 'started' }
  | { event: 'progress'; written: number; dead: number; retries: number; lastCommitAtMs: number }
  | { event: 'halted'; kind: string; code: string; reason: string }
  | { event: 'stopped' }

const REPORT_MS = 100

/** A connection that does not close must not hold the process up. */
const LINGER_MS = 5_000

/** The exit code of a stage that halted; anything else that is not 0 is a crash. */
export const HALTED = 3

const tell = (told: Told): void => void process.stdout.write(`${JSON.stringify(told)}\n`)

async function main(name: StageName): Promise<void> {
  const config = loadConfig()
  const log = createLog(name, config.logLevel)
  const { topology, stages } = workload(process.env['FAULTS_PREFIX'] ?? 'w', process.env['FAULTS_VERSION'] === '2' ? 2 : 1)
  const skewMs = Number(process.env['FAULTS_CLOCK_SKEW_MS'] ?? 0)
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + skewMs }
  const running = startStages([topology.stage(stages[name])], { config, topology, log, clock })
  process.once('SIGTERM', () => void running.stop())
  const orphaned = (): void => process.exit(1)
  process.once('disconnect', orphaned)
  try {
    await running.started
    tell({ event: 'started' })
    reportProgress(running)
    await running.ended
    tell({ event: 'stopped' })
  } catch (error) {
    const verdict = verdictOf(error)
    tell({ event: 'halted', kind: verdict?.name ?? 'Error', code: verdict?.code ?? 'unknown', reason: reasonOf(error) })
    process.exitCode = HALTED
  }
  systemClock.every(LINGER_MS, () => process.exit())
  await running.stop()
  process.off('disconnect', orphaned)
  if (process.connected) process.disconnect()
}

function reportProgress(running: Stages): void {
  let last = 0
  systemClock.every(REPORT_MS, () => {
    for (const { written = 0, dead = 0, retries = 0, lastCommitAtMs = 0 } of Object.values(running.report().stages)) {
      if (lastCommitAtMs === last) continue
      last = lastCommitAtMs
      tell({ event: 'progress', written, dead, retries, lastCommitAtMs })
    }
  })
}

await main(process.argv[2] as StageName)
