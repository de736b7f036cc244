/** One part from its start to its end: tried three times on fresh ports, restarted on the same ones. */
import { Halt, reasonOf } from '#runtime/errors.ts'
import type { Programs } from './install.ts'
import { logPath, rotate, tail } from './logs.ts'
import { TITLES } from './part.ts'
import { choosePorts } from './ports.ts'
import { end, launch, type PartProcess } from './process.ts'
import type { Place, Recipe } from './recipe.ts'
import type { PartState } from './wire.ts'

const ATTEMPTS = 3
/** A start takes 1 to 3 s; on a machine busy with other things ten times that was seen. */
const READY_DEADLINE_MS = 60_000

export interface Supervised {
  state(): PartState
  ports(): Readonly<Record<string, number>>
  isRunning(): boolean
  kill(signal: NodeJS.Signals): void
  /** One after the other when asked for twice. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface Surroundings {
  dir: string
  programs: Programs
  /** Ports of the last run, kept where they are free. */
  ports: Readonly<Record<string, number>>
  /** Aborted when the stack is stopped while the part starts. */
  signal: AbortSignal
  /** Told how the part ended when nobody had asked it to. */
  onUnexpectedEnd(how: string): void
}

interface Started { place: Place; process: PartProcess }

/**
 * A part that answers.
 * @throws Halt `stack.start-failed` with the last 50 lines of its log, after three attempts
 */
export async function supervise(recipe: Recipe, { dir, programs, ports, signal, onUnexpectedEnd }: Surroundings): Promise<Supervised> {
  rotate(dir, recipe.part)
  const { place, process: first } = await startSomewhere(recipe, { dir, home: programs.homes[recipe.part] ?? '', programs, ports }, signal)
  let process = first
  let asked = false
  let restarting: Promise<void> | undefined
  const watch = (watched: PartProcess): void => {
    void watched.ended.then((how) => { if (!asked) onUnexpectedEnd(how) })
  }
  const restart = async (): Promise<void> => {
    asked = true
    await end(process, recipe.stopSignal)
    process = await withAttempts(recipe, place, signal, () => startAt(recipe, place, signal))
    asked = false
    watch(process)
  }
  watch(process)
  return {
    state: () => ({ address: recipe.address(place), pid: process.pid }),
    ports: () => place.ports,
    isRunning: () => process.isRunning(),
    kill(name) {
      asked = true
      process.signal(name)
    },
    restart: () => (restarting = (restarting ?? Promise.resolve()).catch(() => undefined).then(restart)),
    async stop() {
      asked = true
      await restarting?.catch(() => undefined)
      await end(process, recipe.stopSignal)
      await recipe.ended(place, true)
    },
  }
}

/** The first attempt is on the ports of the last run, the others on new ones: somebody may have taken a port. */
async function startSomewhere(recipe: Recipe, place: Place, signal: AbortSignal): Promise<Started> {
  let preferred = place.ports
  return withAttempts(recipe, place, signal, async () => {
    const ports = await choosePorts(recipe.ports, preferred)
    preferred = {}
    return { place: { ...place, ports }, process: await startAt(recipe, { ...place, ports }, signal) }
  })
}

async function withAttempts<T>(recipe: Recipe, place: Place, signal: AbortSignal, start: () => Promise<T>): Promise<T> {
  const reasons: string[] = []
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      return await start()
    } catch (error) {
      if (error instanceof Halt || signal.aborted) throw error
      reasons.push(reasonOf(error))
    }
  }
  const log = logPath(place.dir, recipe.part)
  throw new Halt('stack.start-failed', `${TITLES[recipe.part]} did not start (${[...new Set(reasons)].join('; ')}). Its log ends:\n${tail(place.dir, recipe.part)}`,
    `See ${log}. When kept data are damaged, remove ${place.dir} and start again.`)
}

/** Started and answering, or ended again. */
async function startAt(recipe: Recipe, place: Place, signal: AbortSignal): Promise<PartProcess> {
  await recipe.prepare(place)
  const process = launch(place.dir, recipe.part, recipe.command(place), recipe.marker(place), recipe.stopSignal)
  const settled = new AbortController()
  const ready = recipe.ready(place, AbortSignal.any([signal, settled.signal, AbortSignal.timeout(READY_DEADLINE_MS)]))
  try {
    await Promise.race([ready, process.ended.then((how) => Promise.reject(new Error(`it ${how} before it answered`)))])
    return process
  } catch (error) {
    settled.abort(error)
    await ready.catch(() => undefined)
    await end(process, recipe.stopSignal)
    await recipe.ended(place, false)
    throw error
  }
}
