/** What is to be done when a ground is left, however that comes about. */
import { reasonOf } from '#runtime/errors.ts'
import { undo } from './folder.ts'

export interface Leaving {
  /** Aborted when the ground is being left. */
  signal: AbortSignal
  /** Done before the folder is undone, the latest first. Returns how to take it back. */
  before(step: () => Promise<unknown>): () => void
  /** Does it all, once; every caller waits for the end. @throws what went wrong on the way, when all has been tried */
  run(): Promise<void>
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Of the grounds that are open. */
const departures = new Set<() => Promise<void>>()

/** Leaves by itself, too, when the process is asked to end. */
export function leaving(folder: string): Leaving {
  const steps = new Set<() => Promise<unknown>>()
  const left = new AbortController()
  let running: Promise<void> | undefined
  const run = (): Promise<void> => {
    left.abort(new Error('the ground is being left'))
    return (running ??= leave(folder, [...steps].reverse()).finally(() => forget(run)))
  }
  remember(run)
  return {
    signal: left.signal, run,
    before(step) {
      steps.add(step)
      return () => steps.delete(step)
    },
  }
}

async function leave(folder: string, steps: (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = []
  for (const step of [...steps, () => undo(folder)]) await step().catch((error: unknown) => errors.push(error))
  if (errors.length > 0) throw new AggregateError(errors, `the ground in ${folder} was not undone in order: ${errors.map(reasonOf).join('; ')}`)
}

function remember(run: () => Promise<void>): void {
  departures.add(run)
  if (departures.size === 1) SIGNALS.forEach((signal) => process.on(signal, leaveAll))
}

function forget(run: () => Promise<void>): void {
  departures.delete(run)
  if (departures.size === 0) SIGNALS.forEach((signal) => process.off(signal, leaveAll))
}

/** And lets the process end as if nobody had listened. */
async function leaveAll(signal: NodeJS.Signals): Promise<void> {
  const results = await Promise.allSettled([...departures].map((run) => run()))
  for (const result of results) if (result.status === 'rejected') console.error(reasonOf(result.reason))
  process.kill(process.pid, signal)
}
