/**
 * The private stack: a real Kafka, schema registry and Postgres for the demo, for tests and for development, native
 * processes on free ports of loopback, with their data below one folder. Nothing is installed outside that folder
 * and the download cache.
 */
import { resolve } from 'node:path'
import { Halt } from '#runtime/errors.ts'
import { asVariables, givenAddresses, type Addresses } from './addresses.ts'
import { installParts } from './install.ts'
import { join, type Lease } from './lease.ts'
import type { Part, Progress } from './part.ts'

export type { Part, Progress } from './part.ts'
export { PARTS } from './part.ts'

export interface StackOptions {
  /** Folder for data, logs and process ids, such as `.sluice`. Kept data is found again at the next start. */
  dir: string
  /** All three when absent. */
  parts?: readonly Part[]
  /** Gets each progress note as a line. */
  log?: (line: string) => void
  onProgress?: (progress: Progress) => void
  /** Where KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL are looked up: a part that is given is not started. */
  env?: NodeJS.ProcessEnv
}

export interface Stack {
  /** Comma-separated bootstrap servers; empty when Kafka was neither asked for nor given. So are the other two. */
  readonly kafkaBrokers: string
  /** With its base path, for the Confluent API. */
  readonly registryUrl: string
  readonly databaseUrl: string
  /** From the first process started to the last part ready; downloads are not counted. 0 when nothing was started. */
  readonly startMs: number
  /** Process ids of the parts that run natively, as of the last start or restart. */
  readonly pids: Readonly<Partial<Record<Part, number>>>
  readonly logs: string
  /** The variables through which every other part of the project finds this stack. */
  env(): Record<string, string>
  /** Sends a signal to a part's main process; resolves once it was sent. For fault tests. */
  kill(part: Part, signal: NodeJS.Signals): Promise<void>
  /** Ends the part if it still runs, starts it on the same ports and data, and resolves when it answers again. */
  restart(part: Part): Promise<void>
  /** Lets the stack run on when this process ends, until `stopStack`. */
  keep(): Promise<void>
  /** Gives the stack back. The last holder's call resolves when all processes have ended. May be called twice. */
  stop(): Promise<void>
}

/**
 * A running stack, each of its parts having answered by its own protocol.
 *
 * Two processes may ask for the same folder at once: the second gets the same stack, which ends when the last holder
 * gives it back or dies. That is sound because a holder is an open socket to the one keeper process of the folder
 * (`keeper.ts`): the kernel closes it however the holder ends, so no count can go wrong and no lock can go stale; and
 * a second run is then never refused because of a first one that is still closing.
 *
 * @throws Halt `stack.*` with the remedy: a tool is missing, a download failed, a part did not start
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dir, parts = ['kafka', 'registry', 'postgres'], env = process.env } = options
  const report = reporter(options)
  const given = givenAddresses(env)
  const own = parts.filter((part) => given[part] === undefined)
  if (own.length === 0) return stackOf(given, undefined, resolve(dir))
  assertUsable(resolve(dir))
  const programs = await installParts(own, report)
  const lease = await join(resolve(dir), { parts: own, programs }, report)
  return stackOf(given, lease, resolve(dir))
}

/** Kafka takes a comma for the end of a folder's name, and the registry a semicolon. */
function assertUsable(dir: string): void {
  if (!/[,;\n]/.test(dir)) return
  throw new Halt('stack.folder-name', `a private stack cannot lie in ${dir}: its name has a comma or a semicolon`, 'Choose a folder with another name.')
}

function reporter({ log, onProgress }: StackOptions): (progress: Progress) => void {
  return (progress) => {
    onProgress?.(progress)
    log?.(progress.note)
  }
}

function stackOf(given: Addresses, lease: Lease | undefined, dir: string): Stack {
  const addresses = (): Addresses => ({ ...given, ...lease?.addresses() })
  const own = (): Lease => {
    if (lease === undefined) throw new Error('this stack was given by the environment; it cannot be controlled')
    return lease
  }
  return {
    get kafkaBrokers() { return addresses().kafka ?? '' },
    get registryUrl() { return addresses().registry ?? '' },
    get databaseUrl() { return addresses().postgres ?? '' },
    get pids() { return lease?.pids() ?? {} },
    startMs: lease?.startMs ?? 0,
    logs: `${dir}/logs`,
    env: () => asVariables(addresses()),
    kill: (part, signal) => own().kill(part, signal),
    restart: (part) => own().restart(part),
    keep: async () => lease?.keep(),
    stop: async () => lease?.leave(),
  }
}
