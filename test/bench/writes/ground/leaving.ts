/** What is to be done when a ground is left, however that comes about. */
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

/** Leaves by itself when the process is asked to end, and lets it end then as if nobody had listened. */
export function leaving(folder: string): Leaving {
  const steps = new Set<() => Promise<unknown>>()
  const left = new AbortController()
  let running: Promise<void> | undefined
  const run = (): Promise<void> => {
    left.abort(new Error('the ground is being left'))
    return (running ??= leave(folder, [...steps].reverse()).finally(() => SIGNALS.forEach((signal) => process.off(signal, onSignal))))
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    void run().catch((error: unknown) => console.error(error)).then(() => process.kill(process.pid, signal))
  }
  SIGNALS.forEach((signal) => process.on(signal, onSignal))
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
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, `the ground in ${folder} could not be undone`)
}
