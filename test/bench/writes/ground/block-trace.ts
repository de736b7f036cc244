/** A running trace of the ground's devices. */
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { BlockCounts, DeviceName } from '../layers.ts'
import type { Device } from './device.ts'
import { toEvents } from './event-list.ts'
import type { DeviceTrace, TraceInput } from './trace-worker.ts'
import { lostEvents, makeTrace, removeTraceOf, setRunning } from './tracefs.ts'
import { within } from '#stack/wait.ts'

export interface BlockTrace {
  /** Reads to the end of what happened so far. */
  stop(): Promise<Partial<Record<DeviceName, BlockCounts>>>
  /** Throws everything away; also after `stop`. */
  discard(): Promise<void>
}

const DRAIN_DEADLINE_MS = 60_000

/** @throws Error when this kernel or our rights do not allow it */
export async function startTrace(groundFolder: string, devices: readonly Device[]): Promise<BlockTrace> {
  const numbers = devices.map(({ number }) => number)
  const trace = await makeTrace(groundFolder, numbers)
  const input: TraceInput = { pipe: join(trace, 'trace_pipe'), devices: numbers }
  const worker = new Worker(new URL('trace-worker.ts', import.meta.url), { workerData: input })
  const failed = new Promise<never>((_, reject) => worker.once('error', reject))
  failed.catch(() => undefined) // met by whoever waits for the worker next
  await Promise.race([once(worker, 'message'), failed])
  setRunning(trace, true)
  return {
    async stop() {
      setRunning(trace, false)
      const answer = once(worker, 'message') as Promise<[DeviceTrace[]]>
      worker.postMessage('stop')
      const said = await within(Promise.race([answer, failed]), DRAIN_DEADLINE_MS)
      if (said === undefined) throw new Error('the trace of block events could not be read to its end')
      return countsByDevice(said[0], devices, lostEvents(trace))
    },
    async discard() {
      await worker.terminate()
      removeTraceOf(groundFolder)
    },
  }
}

function countsByDevice(traces: readonly DeviceTrace[], devices: readonly Device[], lost: number): Partial<Record<DeviceName, BlockCounts>> {
  return Object.fromEntries(devices.map(({ name, number }) => {
    const { bios, requests, events } = traces.find(({ device }) => device === number)!
    return [name, { bios, requests, events: toEvents(events), lost } satisfies BlockCounts]
  }))
}
