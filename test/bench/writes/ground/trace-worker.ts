/**
 * Reads a trace for as long as it runs, in a thread of its own: the buffers in the kernel are small, and the thread that
 * does the measured work may be busy for seconds.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { append, buffersOf, emptyColumns, type EventColumns } from './event-list.ts'
import { count, emptyTally, type Tally } from './tally.ts'
import { parseTraceLine } from './trace-lines.ts'

export interface TraceInput {
  /** The trace's `trace_pipe`. */
  pipe: string
  /** Numbers (`7:3`). */
  devices: string[]
}

export interface DeviceTrace { device: string; bios: Tally; requests: Tally; events: EventColumns }

const CHUNK_BYTES = 65_536
/** How long the reader sleeps when there is nothing to read. */
const IDLE_MS = 20
/** Reads between two looks at the messages. */
const READS_A_TURN = 64

const { pipe, devices } = workerData as TraceInput
const traces = new Map(devices.map((device) => [device, { device, bios: emptyTally(), requests: emptyTally(), events: emptyColumns() }]))
const file = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
const chunk = Buffer.alloc(CHUNK_BYTES)
let rest = ''
let stopping = false

parentPort?.on('message', () => { stopping = true })
parentPort?.postMessage('reading')
await readAll()
closeSync(file)
const found: DeviceTrace[] = [...traces.values()]
parentPort?.postMessage(found, found.flatMap(({ events }) => buffersOf(events)))
parentPort?.close()

/** Until told to stop, and then until the trace, which takes up no more events, is empty. */
async function readAll(): Promise<void> {
  for (let reads = 1; ; reads++) {
    const wasStopping = stopping
    if (readChunk()) {
      if (reads % READS_A_TURN === 0) await nextTurn()
    } else {
      if (wasStopping) return
      await sleep(IDLE_MS)
    }
  }
}

/** Whether there was something to read. The kernel gives whole lines, but promises none. */
function readChunk(): boolean {
  const length = readSome()
  if (length === 0) return false
  const lines = (rest + chunk.toString('latin1', 0, length)).split('\n')
  rest = lines.pop() ?? ''
  for (const line of lines) take(line)
  return true
}

function readSome(): number {
  try {
    return readSync(file, chunk)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw error
  }
}

function take(line: string): void {
  const parsed = parseTraceLine(line)
  const trace = parsed && traces.get(parsed.device)
  if (trace === undefined) return
  if (parsed?.stage === 'request') return count(trace.requests, parsed.event)
  count(trace.bios, parsed!.event)
  trace.events = append(trace.events, parsed!.event)
}
