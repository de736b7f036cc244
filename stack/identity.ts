/**
 * Proof that a process is the one we started: a process id alone proves nothing, since ids are given again. A process
 * is ours when its id, its start time, the boot of the machine and a word of its command line all agree.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Identity {
  pid: number
  /** Boot id and clock ticks since boot on Linux; elsewhere what `ps` prints. */
  startedAt: string
  /** A word that stands in the command line of our process and of no other, such as its data folder. */
  marker: string
}

/** The identity of a running process, or undefined when it has ended. */
export function identify(pid: number, marker: string): Identity | undefined {
  const startedAt = startTimeOf(pid)
  return startedAt === undefined ? undefined : { pid, startedAt, marker }
}

/** Whether exactly that process still runs. */
export function isRunning(identity: Identity): boolean {
  return startTimeOf(identity.pid) === identity.startedAt && commandLineOf(identity.pid).includes(identity.marker)
}

/** Sends a signal to that process, and says whether it was still there to get it; any other process is left alone. */
export function signalOwn(identity: Identity, signal: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false
  try {
    return process.kill(identity.pid, signal)
  } catch {
    return false // ended since
  }
}

/** The command line, its arguments divided by spaces; empty when the process has ended. */
export function commandLineOf(pid: number): string {
  try {
    if (process.platform !== 'linux') return ps(pid, 'command=')
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

function startTimeOf(pid: number): string | undefined {
  try {
    return process.platform === 'linux' ? linuxStartTime(pid) : ps(pid, 'lstart=') || undefined
  } catch {
    return undefined
  }
}

function linuxStartTime(pid: number): string | undefined {
  const { state, startTicks } = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  if (state === 'Z' || state === 'X') return undefined // ended, only not yet waited for
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${startTicks}`
}

/** Fields 3 and 22 of /proc/PID/stat (proc(5)). The second field, a name in brackets, may hold spaces and brackets. */
export function parseStat(text: string): { state: string; startTicks: string } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', startTicks: fields[19] ?? '' }
}

function ps(pid: number, column: string): string {
  return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8', timeout: 5_000, stdio: ['ignore', 'pipe', 'ignore'] }).trim()
}
