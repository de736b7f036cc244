/** A trace of our own in the kernel (Documentation/trace/ftrace: instances), which nobody else's tracing touches. */
import { existsSync, readFileSync, readdirSync, rmdirSync, writeFileSync, mkdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { basename, join } from 'node:path'
import { tool } from './tool.ts'

const ROOT = '/sys/kernel/tracing'
/** Of all CPUs together: some 800,000 events while the reader does not get its turn. */
const BUFFERS_KIB = 65_536
/** As `block_rq_issue` and `block_bio_queue` compare it: a dev_t inside of the kernel. */
const MINOR_BITS = 20

export const EVENTS = ['block_bio_queue', 'block_rq_issue'] as const

/**
 * A trace of these devices (`7:3`), not yet running. Where tracefs is not mounted it is, and stays so, as most systems have it
 * from their start.
 * @returns its folder
 * @throws Error when this kernel or our rights do not allow it
 */
export async function makeTrace(groundFolder: string, deviceNumbers: readonly string[]): Promise<string> {
  if (!existsSync(join(ROOT, 'instances'))) await tool('mount', '-t', 'tracefs', 'nodev', ROOT)
  removeTraceOf(groundFolder)
  const trace = traceOf(groundFolder)
  mkdirSync(trace)
  try {
    set(trace, 'tracing_on', '0')
    set(trace, 'buffer_size_kb', String(Math.ceil(BUFFERS_KIB / cpus().length)))
    set(trace, 'trace_clock', 'mono')
    for (const event of EVENTS) {
      set(trace, `events/block/${event}/filter`, deviceNumbers.map((number) => `dev == ${kernelNumber(number)}`).join(' || '))
      set(trace, `events/block/${event}/enable`, '1')
    }
    return trace
  } catch (error) {
    removeTraceOf(groundFolder)
    throw error
  }
}

export function setRunning(trace: string, running: boolean): void {
  set(trace, 'tracing_on', running ? '1' : '0')
}

/** Events that did not fit into the buffers since the trace was made. */
export function lostEvents(trace: string): number {
  const buffers = readdirSync(join(trace, 'per_cpu'))
  return buffers.reduce((sum, cpu) => sum + lostOf(readFileSync(join(trace, 'per_cpu', cpu, 'stats'), 'latin1')), 0)
}

/** Of a `per_cpu/cpuN/stats`: overwritten before they were read, or refused. */
export function lostOf(stats: string): number {
  const counts = [...stats.matchAll(/^(?:overrun|commit overrun|dropped events): (\d+)$/gm)].map(([, count]) => Number(count))
  if (counts.length !== 3) throw new Error(`not the statistics of a trace buffer: ${stats.slice(0, 200)}`)
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Removes the trace of a ground; it must not be open any more. */
export function removeTraceOf(groundFolder: string): void {
  const trace = traceOf(groundFolder)
  if (existsSync(trace)) rmdirSync(trace)
}

function traceOf(groundFolder: string): string {
  return join(ROOT, 'instances', `sluice-${basename(groundFolder)}`)
}

function kernelNumber(number: string): number {
  const [major = 0, minor = 0] = number.split(':').map(Number)
  return major * 2 ** MINOR_BITS + minor
}

function set(trace: string, file: string, value: string): void {
  writeFileSync(join(trace, file), value)
}
