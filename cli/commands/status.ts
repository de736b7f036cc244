/** `sluice status`: one line a stage. */
import type { Command } from 'commander'
import { openLog, screenOf, settings, withKafka, withScreen } from '../command.ts'
import { EXIT } from '../failure.ts'
import { columns, type Screen } from '../screen.ts'
import type { StageStatus } from '../stage-status.ts'

interface StatusOptions { watch?: boolean; stage?: string }

/** Between two looks: stages commit every second. */
const INTERVAL_MS = 2_000

export function status(program: Command): void {
  withScreen(program.command('status')).description('state, lag, rate and dead letters of every stage; exit 1 when one is stalled or stopped')
    .option('--watch', 'go on until Ctrl-C').option('--stage <name>', 'this stage only')
    .action((options: StatusOptions, command: Command) => show(options, screenOf(command)))
}

async function show({ watch, stage }: StatusOptions, screen: Screen): Promise<void> {
  const config = await settings()
  const log = await openLog(config)
  const [{ topology }, { look, statusBetween }, { systemClock: clock }] = await Promise.all([import('#topology'), import('../stage-status.ts'), import('#runtime/clock.ts')])
  const stages = stage === undefined ? topology.stages : [topology.stage(stage)]
  await withKafka(config, log, async (connection) => {
    const surroundings = { connection, config, topology, clock }
    for (let earlier = await look(stages, surroundings); ;) {
      await clock.sleep(INTERVAL_MS)
      const later = await look(stages, surroundings)
      const statuses = await statusBetween(earlier, later, stages, surroundings)
      present(statuses, screen, watch ?? false)
      if (!watch) return
      earlier = later
    }
  })
}

function present(statuses: StageStatus[], screen: Screen, watch: boolean): void {
  if (watch && !screen.json && process.stdout.isTTY) process.stdout.write('\x1b[H\x1b[2J')
  screen.answer({ at: new Date().toISOString(), stages: statuses }, () => table(statuses))
  process.exitCode = statuses.some(({ state }) => state === 'STALLED' || state === 'STOPPED') ? EXIT.no : EXIT.ok
}

function table(statuses: StageStatus[]): string {
  const head = ['stage', 'state', 'lag', 'lag time', 'rate', 'dead', 'members']
  return columns([head, ...statuses.map(({ stage, state, lagRecords, lagSeconds, perSecond, dead, members }) => (
    [stage, state, lagRecords, lagRecords === 0 ? '-' : `${lagSeconds.toFixed(1)} s`, `${perSecond.toFixed(1)}/s`, dead, members]
  ))])
}
