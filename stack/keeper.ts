/**
 * The keeper: one process a folder, which starts the parts, and ends them when the last holder is gone. A holder is a
 * connection to the keeper's socket, which the kernel closes however the holder ends.
 *
 *   open ──(last holder left, SIGTERM, shutdown, or none came)──▶ closing ──(parts ended)──▶ process ends
 *
 * While closing it still has its address, so no second keeper starts beside parts that are still ending; who joins
 * then is told to wait for the end. Were the keeper itself killed, the kernel would signal the parts (`process.ts`),
 * and the next keeper ends what is still there.
 */
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { Halt } from '#runtime/errors.ts'
import { bound, logPath } from './logs.ts'
import { PARTS, TITLES, type Part, type Progress } from './part.ts'
import { kafka } from './parts/kafka.ts'
import { postgres } from './parts/postgres.ts'
import { registry } from './parts/registry.ts'
import { endLeftovers } from './process.ts'
import type { Recipe } from './recipe.ts'
import { supervise, type Supervised } from './supervisor.ts'
import { CLOSING, failureOf, keeperAddress, receive, send, WIRE_VERSION, type Request, type StackState } from './wire.ts'

const RECIPES: Readonly<Record<Part, Recipe>> = { kafka, registry, postgres }
/** A holder connects at once after starting us; if none came by then, it died. */
const FIRST_HOLDER_MS = 15_000
const LOG_CHECK_MS = 10_000

const dir = process.argv[2] ?? '.sluice'
const holders = new Set<Socket>()
const parts = new Map<Part, Promise<Supervised>>()
const closing = new AbortController()
let kept = false
let startMs = 0

const server = createServer((socket) => hold(socket))
const leftoversEnded = listen(server).then(() => prepareFolder())
setTimeout(() => { if (holders.size === 0 && !kept) void close() }, FIRST_HOLDER_MS)
setInterval(() => PARTS.forEach((part) => bound(dir, part)), LOG_CHECK_MS)
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void close())

/** The address is the lock: who cannot have it is not needed. */
async function listen(server: Server): Promise<void> {
  const address = keeperAddress(dir)
  if (!address.startsWith('\0')) await removeDeadSocket(address)
  server.once('error', () => process.exit(0))
  server.listen(address)
  await once(server, 'listening')
}

/** Where the address is a file, a killed keeper leaves it; nobody accepts there any more. */
async function removeDeadSocket(address: string): Promise<void> {
  const socket = connect(address)
  await once(socket, 'connect').catch(() => rmSync(address, { force: true }))
  socket.destroy()
}

async function prepareFolder(): Promise<void> {
  await endLeftovers(dir)
  rmSync(join(dir, 'tmp'), { recursive: true, force: true })
  mkdirSync(join(dir, 'tmp'), { recursive: true })
}

function hold(socket: Socket): void {
  holders.add(socket)
  socket.on('error', () => undefined) // 'close' follows
  socket.on('close', () => void release(socket))
  receive<Request & { id: number }>(socket, (request) => void answer(socket, request))
}

async function answer(socket: Socket, request: Request & { id: number }): Promise<void> {
  try {
    send(socket, { to: request.id, state: await perform(socket, request) })
  } catch (error) {
    send(socket, { to: request.id, failure: failureOf(error) })
  }
}

let joining: Promise<StackState> = Promise.resolve({ parts: {}, startMs })

async function perform(socket: Socket, request: Request): Promise<StackState> {
  switch (request.op) {
    case 'join':
      // One after the other: two at once would both find a part missing, and both start it.
      joining = joining.catch(() => undefined).then(() => startParts(socket, request))
      return joining
    case 'kill':
      ;(await supervised(request.part)).kill(request.signal)
      return state()
    case 'restart':
      await (await supervised(request.part)).restart()
      return state()
    case 'keep':
      kept = true
      return state()
    case 'leave':
      await release(socket)
      return { parts: {}, startMs }
    case 'shutdown':
      await close()
      return { parts: {}, startMs }
  }
}

async function startParts(socket: Socket, request: Request & { op: 'join' }): Promise<StackState> {
  if (closing.signal.aborted) throw new Halt(CLOSING, 'the stack is being stopped', 'Start it again.')
  if (request.version !== WIRE_VERSION) {
    throw new Halt('stack.other-version', `another version of sluice runs a stack in ${dir}`, 'Stop that one first.')
  }
  await leftoversEnded
  const startedMs = performance.now()
  const missing = await notRunning(request.parts)
  if (missing.length === 0) send(socket, { progress: { part: 'stack', step: 'ready', note: `Using the stack that runs in ${dir}` } })
  for (const part of missing) parts.set(part, start(part, request, socket))
  await Promise.all(request.parts.map((part) => supervised(part)))
  if (missing.length > 0) startMs = Math.round(performance.now() - startedMs)
  await savePorts()
  return state()
}

/** Not asked for so far, not started successfully, or ended since. */
async function notRunning(wanted: readonly Part[]): Promise<Part[]> {
  const running = await Promise.all(wanted.map(async (part) => (await parts.get(part)?.catch(() => undefined))?.isRunning() ?? false))
  return wanted.filter((_, i) => !running[i])
}

async function start(part: Part, { programs }: Request & { op: 'join' }, socket: Socket): Promise<Supervised> {
  send(socket, { progress: { part, step: 'start', note: `Starting ${TITLES[part]}` } })
  const startedMs = performance.now()
  const running = await supervise(RECIPES[part], {
    dir, programs, ports: readPorts(), signal: closing.signal,
    onUnexpectedEnd: (how) => tellAll({ part, step: 'stop', note: `${TITLES[part]} ${how} though nobody asked it to: see ${logPath(dir, part)}` }),
  })
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  send(socket, { progress: { part, step: 'ready', note: `${TITLES[part]} is ready at ${running.state().address} (${seconds} s)` } })
  return running
}

function tellAll(progress: Progress): void {
  for (const holder of holders) send(holder, { progress })
}

async function supervised(part: Part): Promise<Supervised> {
  const running = await parts.get(part)
  if (running === undefined) throw new Error(`${part} was not started`)
  return running
}

async function state(): Promise<StackState> {
  const entries = await Promise.all([...parts].map(async ([part, running]) => [part, (await running.catch(() => undefined))?.state()]))
  return { parts: Object.fromEntries(entries), startMs }
}

async function release(socket: Socket): Promise<void> {
  holders.delete(socket)
  if (holders.size === 0 && !kept) await close()
}

let closed: Promise<void> | undefined

/** Ends all parts at the same time, then the process, a moment later so that the last answers get out. */
function close(): Promise<void> {
  closing.abort(new Error('the stack is being stopped'))
  closed ??= Promise.allSettled([...parts.values()].map(async (running) => (await running).stop())).then(() => {
    setTimeout(() => finish(), 20)
  })
  return closed
}

/**
 * The address first: in the order in which the kernel closes what an ending process had open, a holder could see its
 * connection end while the address still accepts, and take the keeper for alive.
 */
function finish(): void {
  server.close()
  const address = keeperAddress(dir)
  if (!address.startsWith('\0')) rmSync(address, { force: true })
  process.exit(0)
}

/** Of the parts that run; those of the others stay as they were. */
async function savePorts(): Promise<void> {
  const settled = await Promise.allSettled(parts.values())
  const ports = settled.map((part) => (part.status === 'fulfilled' ? part.value.ports() : {}))
  writeFileSync(portsFile(), JSON.stringify(Object.assign(readPorts(), ...ports)))
}

function readPorts(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(portsFile(), 'utf8')) as Record<string, number>
  } catch {
    return {} // the first start, or a file cut short: any ports will do
  }
}

function portsFile(): string {
  return join(dir, 'ports.json')
}
