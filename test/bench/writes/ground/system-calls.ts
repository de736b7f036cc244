/** Counts the system calls of servers that run, by strace. */
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { logPath, rotate } from '#stack/logs.ts'
import { end, launch, type PartProcess } from '#stack/process.ts'
import { until } from '#stack/wait.ts'
import type { CallCounts, DeviceName, SystemCalls } from '../layers.ts'
import { processTree } from './processes.ts'
import { CALLS, callReader, type SystemCall } from './strace-lines.ts'

export interface CallTrace {
  stop(): Promise<SystemCalls>
  /** Ends the tracing; also after `stop`. */
  discard(): Promise<void>
}

const ATTACH_DEADLINE_MS = 20_000
const NAME = 'strace'
/** By which its end lets the traced processes go on. */
const STOP_SIGNAL = 'SIGINT'

function findStrace(path = process.env.PATH ?? ''): string | undefined {
  return path.split(delimiter).map((folder) => join(folder, NAME)).find((file) => existsSync(file))
}

/**
 * Traces these processes, their children and those to come.
 * @param folder where the output goes, which is outside of the devices
 * @param files the folders whose files count
 * @throws Error when the processes may not be traced
 */
export async function traceCalls(folder: string, pids: readonly number[], files: Readonly<Partial<Record<DeviceName, string>>>): Promise<CallTrace> {
  const file = findStrace()
  if (file === undefined) throw new Error('strace is not installed')
  const targets = pids.flatMap(processTree)
  rotate(folder, NAME)
  const options = ['-f', '-q', '-y', '-s', '0', '-e', 'signal=none', '-e', `trace=${CALLS.join(',')}`]
  const strace = launch(folder, NAME, { file, args: [...options, ...targets.flatMap((pid) => ['-p', String(pid)])] }, options.join(' '), STOP_SIGNAL)
  const discard = (): Promise<void> => end(strace, STOP_SIGNAL)
  try {
    await attached(strace, targets)
  } catch (error) {
    await discard()
    throw new Error(`strace could not attach: ${readFileSync(logPath(folder, NAME), 'utf8').slice(0, 200)}`, { cause: error })
  }
  return {
    discard,
    async stop() {
      await discard()
      assertFree(targets)
      return countCalls(logPath(folder, NAME), files)
    },
  }
}

async function attached(strace: PartProcess, targets: readonly number[]): Promise<void> {
  const areHeld = async (): Promise<true | undefined> => (targets.every((pid) => [strace.pid, undefined].includes(tracerOf(pid))) ? true : undefined)
  const settled = new AbortController()
  const held = until(areHeld, AbortSignal.any([settled.signal, AbortSignal.timeout(ATTACH_DEADLINE_MS)]))
  const ended = strace.ended.then((how) => Promise.reject(new Error(`it ${how}`)))
  try {
    await Promise.race([held, ended])
  } finally {
    settled.abort()
    ended.catch(() => undefined) // its end is expected from now on
    await held.catch(() => undefined)
  }
}

function assertFree(pids: readonly number[]): void {
  const held = pids.filter((pid) => (tracerOf(pid) ?? 0) !== 0)
  if (held.length > 0) throw new Error(`still traced: processes ${held.join(', ')}`)
}

/** 0 when nobody traces it; undefined when it has ended. */
function tracerOf(pid: number): number | undefined {
  try {
    return Number(/^TracerPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
  } catch {
    return undefined
  }
}

async function countCalls(output: string, files: Readonly<Partial<Record<DeviceName, string>>>): Promise<SystemCalls> {
  const parse = callReader()
  const counted: SystemCalls = { calls: {}, byDevice: {} }
  for await (const line of createInterface({ input: createReadStream(output), crlfDelay: Infinity })) {
    const call = parse(line)
    const device = call && deviceOf(call.path, files)
    if (call === undefined || device === undefined) continue
    add(counted.calls, call)
    add((counted.byDevice[device] ??= {}), call)
  }
  return counted
}

function deviceOf(path: string, files: Readonly<Partial<Record<DeviceName, string>>>): DeviceName | undefined {
  return (Object.keys(files) as DeviceName[]).find((name) => path.startsWith(`${files[name]}/`))
}

function add(counts: CallCounts, { name, bytes }: SystemCall): void {
  const old = counts[name] ?? { count: 0, bytes: 0 }
  counts[name] = { count: old.count + 1, bytes: old.bytes + bytes }
}
