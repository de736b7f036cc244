/** Holding a stack: a connection to the keeper of its folder, which is started when there is none. */
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join as joinPath } from 'node:path'
import { Halt } from '#runtime/errors.ts'
import type { Addresses } from './addresses.ts'
import { cleanEnvironment } from './environment.ts'
import type { Programs } from './install.ts'
import { openLog, rotate } from './logs.ts'
import type { Part, Progress } from './part.ts'
import { until } from './wait.ts'
import { CLOSING, haltOf, keeperAddress, receive, send, WIRE_VERSION, type Reply, type Request, type StackState } from './wire.ts'

export interface Lease {
  readonly startMs: number
  addresses(): Addresses
  pids(): Partial<Record<Part, number>>
  kill(part: Part, signal: NodeJS.Signals): Promise<void>
  restart(part: Part): Promise<void>
  keep(): Promise<void>
  leave(): Promise<void>
}

interface Wanted { parts: readonly Part[]; programs: Programs }

const CONNECT_DEADLINE_MS = 30_000

/** A hold on the folder's stack with at least these parts running. */
export async function join(dir: string, { parts, programs }: Wanted, report: (progress: Progress) => void): Promise<Lease> {
  mkdirSync(dir, { recursive: true })
  for (;;) {
    const line = openLine(await connectOrStart(dir), report)
    try {
      return leaseOf(line, await line.ask({ op: 'join', version: WIRE_VERSION, parts, programs }))
    } catch (error) {
      if (!(error instanceof Halt) || error.code !== CLOSING) {
        line.end()
        throw error
      }
      await line.closed() // a stack that is just ending: wait for it, the next one is ours
    }
  }
}

/**
 * Ends a stack that was kept running, whoever holds it; resolves when its processes have ended.
 * @returns whether there was one
 */
export async function stopStack(dir: string): Promise<boolean> {
  const socket = await tryConnect(dir)
  if (socket === undefined) return false
  const line = openLine(socket, () => undefined)
  // The end of the line is the answer. Waited for only after the reply, which lets go of the socket.
  await line.ask({ op: 'shutdown' }).catch(() => undefined)
  await line.closed()
  return true
}

function leaseOf(line: Line, joined: StackState): Lease {
  let state = joined
  let left: Promise<void> | undefined
  const pick = <K extends 'address' | 'pid'>(key: K) =>
    Object.fromEntries(Object.entries(state.parts).map(([part, values]) => [part, values[key]]))
  return {
    startMs: joined.startMs,
    addresses: () => pick('address') as Addresses,
    pids: () => pick('pid') as Partial<Record<Part, number>>,
    kill: async (part, signal) => { state = await line.ask({ op: 'kill', part, signal }) },
    restart: async (part) => { state = await line.ask({ op: 'restart', part }) },
    keep: async () => void (await line.ask({ op: 'keep' })),
    // A keeper that has ended needs no word of ours; its parts have ended or been told to.
    leave: () => (left ??= line.ask({ op: 'leave' }).catch(() => line.closed()).then(() => line.end())),
  }
}

interface Line {
  ask(request: Request): Promise<StackState>
  end(): void
  /** Resolves when the keeper has ended; keeps this process alive until then. */
  closed(): Promise<void>
}

/** Questions and answers on a socket. While a question is open it keeps this process alive; the bare hold does not. */
function openLine(socket: Socket, report: (progress: Progress) => void): Line {
  const open = new Map<number, PromiseWithResolvers<StackState>>()
  let lastId = 0
  socket.on('error', () => undefined) // 'close' follows
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  void closed.then(() => open.forEach(({ reject }) => reject(new Error('the keeper of the stack has ended'))))
  receive<Reply>(socket, (reply) => {
    if ('progress' in reply) return report(reply.progress)
    const question = open.get(reply.to)
    open.delete(reply.to)
    if (open.size === 0) socket.unref()
    if ('state' in reply) question?.resolve(reply.state)
    else question?.reject(haltOf(reply.failure))
  })
  return {
    closed() {
      socket.ref()
      return closed
    },
    end: () => void socket.end(),
    ask(request) {
      const question = Promise.withResolvers<StackState>()
      open.set(++lastId, question)
      socket.ref()
      if (socket.destroyed) question.reject(new Error('the keeper of the stack has ended'))
      else send(socket, { id: lastId, ...request })
      return question.promise
    },
  }
}

async function connectOrStart(dir: string): Promise<Socket> {
  const running = await tryConnect(dir)
  if (running !== undefined) return running
  startKeeper(dir)
  const deadline = AbortSignal.timeout(CONNECT_DEADLINE_MS)
  try {
    return await until(() => tryConnect(dir), deadline)
  } catch (error) {
    throw new Halt('stack.no-keeper', `the stack's keeper in ${dir} did not start`, `See ${dir}/logs/keeper.log.`, { cause: error })
  }
}

function tryConnect(dir: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(keeperAddress(dir))
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}

/** In a session of its own: Ctrl-C in our terminal must not reach it before we have ended. */
function startKeeper(dir: string): void {
  rotate(dir, 'keeper')
  const log = openLog(dir, 'keeper')
  const keeper = joinPath(import.meta.dirname, 'keeper.ts')
  spawn(process.execPath, ['--disable-warning=ExperimentalWarning', keeper, dir], {
    cwd: '/', detached: true, stdio: ['ignore', log, log], env: cleanEnvironment(process.env),
  }).unref()
  closeSync(log)
}
