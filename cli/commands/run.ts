/** `sluice run`: runs stages until it is told to stop, or one of them halts. */
import type { Command } from 'commander'
import { openLog, screenOf, settings, withScreen } from '../command.ts'
import { UsageError } from '../failure.ts'
import { markHeapLessOften } from '../heap.ts'
import type { Screen } from '../screen.ts'

export function run(program: Command): void {
  withScreen(program.command('run')).description('run stages until SIGTERM or Ctrl-C; a second signal ends at once')
    .argument('[stage...]', 'names of stages').option('--all', 'every stage')
    .action((names: string[], options: { all?: boolean }, command: Command) => runStages(names, options.all ?? false, screenOf(command)))
}

async function runStages(names: string[], all: boolean, screen: Screen): Promise<void> {
  if (all === names.length > 0) throw new UsageError('Name the stages to run, or give --all.')
  markHeapLessOften()
  const config = await settings()
  const log = await openLog(config)
  const [{ topology }, { startStages }, { serveHealth }] = await Promise.all([import('#topology'), import('../stages.ts'), import('../health.ts')])
  const stages = all ? topology.stages : [...new Set(names)].map((name) => topology.stage(name))
  const running = startStages(stages, { config, topology, log })
  const health = await serveHealth(config, () => running.report())
  const stop = onStopRequest(() => running.stop())
  try {
    await running.started
    if (health) screen.note(`Health: ${health.url}`)
    screen.note(`Running ${stages.map(({ name }) => name).join(', ')}`)
    await running.ended
  } finally {
    stop.forget()
    await running.stop()
    await health?.close()
    // The channel to a demo that started us would keep this process alive.
    if (process.connected) process.disconnect()
  }
}

/**
 * Asked once, the stages end what they have begun; asked twice, the process ends as it is, which is safe (I3). A
 * process that the demo started also stops when the demo is gone, unless it was told that it is kept.
 */
function onStopRequest(stop: () => Promise<void>): { forget(): void } {
  let asked = false
  let kept = false
  const request = (): void => {
    if (asked) process.exit(1)
    asked = true
    void stop()
  }
  const orphaned = (): void => {
    if (!asked && !kept) request()
  }
  process.on('SIGTERM', request).on('SIGINT', request)
  process.on('message', (message) => { if (message === 'keep') kept = true }).on('disconnect', orphaned)
  return { forget: () => process.off('disconnect', orphaned) }
}
