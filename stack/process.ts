/** A part's process: started so that it cannot outlive us unnoticed, ended for certain. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cleanEnvironment } from './environment.ts'
import { identify, isRunning, signalOwn, type Identity } from './identity.ts'
import { openLog } from './logs.ts'
import type { Command } from './recipe.ts'
import { until, within } from './wait.ts'

export interface PartProcess {
  pid: number
  /** Resolves with how it ended; never rejects. */
  ended: Promise<string>
  isRunning(): boolean
  signal(signal: NodeJS.Signals): boolean
}

/** Long enough for a broker to close its logs and for Java to write a class-data archive. */
const ORDERLY_END_MS = 30_000
const FORCED_END_MS = 10_000

/**
 * Starts a process with its output in the part's log, and notes its identity in `<dir>/pids`, for the case that we die
 * before it. On Linux it gets `stopSignal` from the kernel when we die.
 */
export function launch(dir: string, name: string, command: Command, marker: string, stopSignal: NodeJS.Signals): PartProcess {
  const log = openLog(dir, name)
  const { file, args } = tiedToUs(command, stopSignal)
  const child = spawn(file, args, { cwd: '/', detached: true, stdio: ['ignore', log, log], env: cleanEnvironment(process.env), ...command.user })
  closeSync(log)
  const ended = endOf(child)
  if (child.pid === undefined) return { pid: 0, ended, isRunning: () => false, signal: () => false }
  const identity = identify(child.pid, marker)
  if (identity !== undefined) writePidFile(dir, name, identity)
  void ended.then(() => rmSync(pidFile(dir, name), { force: true }))
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  return { pid: child.pid, ended, isRunning, signal: (signal) => isRunning() && child.kill(signal) }
}

/** setpriv asks the kernel for a signal at the parent's death (prctl PR_SET_PDEATHSIG), then becomes the program. */
function tiedToUs({ file, args }: Command, stopSignal: NodeJS.Signals): { file: string; args: readonly string[] } {
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
  if (setpriv === undefined) return { file, args }
  return { file: setpriv, args: ['--pdeathsig', stopSignal.slice('SIG'.length), '--', file, ...args] }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal === null ? `ended with ${code}` : `ended by ${signal}`))
  })
}

/** Ends a process in order, also one that is halted by SIGSTOP, and by force when that takes too long. */
export async function end(process: PartProcess, stopSignal: NodeJS.Signals): Promise<void> {
  process.signal(stopSignal)
  process.signal('SIGCONT')
  if ((await within(process.ended, ORDERLY_END_MS)) !== undefined) return
  process.signal('SIGKILL')
  await within(process.ended, FORCED_END_MS)
}

function pidFile(dir: string, name: string): string {
  return join(dir, 'pids', `${name}.json`)
}

function writePidFile(dir: string, name: string, identity: Identity): void {
  mkdirSync(join(dir, 'pids'), { recursive: true })
  writeFileSync(pidFile(dir, name), JSON.stringify(identity))
}

/**
 * Ends what a keeper that died has left running: they cannot be taken over, since their output and their end would
 * reach nobody. Only processes that prove to be ours are touched.
 */
export async function endLeftovers(dir: string): Promise<void> {
  const folder = join(dir, 'pids')
  if (!existsSync(folder)) return
  await Promise.all(readdirSync(folder).map(async (name) => {
    const identity = readIdentity(join(folder, name))
    if (identity !== undefined) await endLeftover(identity)
    rmSync(join(folder, name), { force: true })
  }))
}

function readIdentity(path: string): Identity | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Identity
  } catch {
    return undefined // cut short while it was written: the process had its death signal by then
  }
}

async function endLeftover(identity: Identity): Promise<void> {
  for (const [signal, waitMs] of [['SIGTERM', 5_000], ['SIGKILL', FORCED_END_MS]] as const) {
    if (!signalOwn(identity, signal)) return
    await until(async () => (isRunning(identity) ? undefined : true), AbortSignal.timeout(waitMs)).catch(() => undefined)
  }
}
