/** What holders of a stack and its keeper say to each other: lines of JSON on a Unix socket. */
import { createHash } from 'node:crypto'
import { realpathSync, statSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { Halt, reasonOf } from '#runtime/errors.ts'
import type { Programs } from './install.ts'
import type { Part, Progress } from './part.ts'

/** Raised when a message changes its meaning: a keeper left running by another version is then not misunderstood. */
export const WIRE_VERSION = 1

export type Request =
  | { op: 'join'; version: number; parts: readonly Part[]; programs: Programs }
  | { op: 'kill'; part: Part; signal: NodeJS.Signals }
  | { op: 'restart'; part: Part }
  | { op: 'keep' }
  | { op: 'leave' }
  | { op: 'shutdown' }

export interface PartState { address: string; pid: number }

/** What a join or restart answers. */
export interface StackState {
  parts: Partial<Record<Part, PartState>>
  /** How long the last start of parts took. */
  startMs: number
}

export interface Failure { code: string; reason: string; remedy: string }

export type Reply =
  | { to: number; state: StackState }
  | { to: number; failure: Failure }
  | { progress: Progress }

/** The answer to a join when the keeper is about to end: wait for its end, and start another. */
export const CLOSING = 'stack.closing'

/**
 * The keeper's address. On Linux it is in the abstract namespace: the kernel lets one process have it and takes it back
 * when that process ends, so there is no file that could be left over. The folder's device and inode stand in it
 * since two containers may share a network and each have a folder of this name.
 */
export function keeperAddress(dir: string): string {
  const path = realpathSync(dir)
  const { dev, ino } = statSync(path)
  const name = `sluice-${createHash('sha256').update(`${path}:${dev}:${ino}`).digest('hex').slice(0, 24)}`
  return process.platform === 'linux' ? `\0${name}` : `/tmp/${name}.sock`
}

export function send(socket: Socket, message: Reply | (Request & { id: number })): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`)
}

/** Calls back for each message until the socket ends. */
export function receive<T>(socket: Socket, onMessage: (message: T) => void): void {
  const lines = createInterface({ input: socket, crlfDelay: Infinity })
  lines.on('line', (line) => onMessage(JSON.parse(line) as T))
  lines.on('error', () => undefined) // the socket's own, passed on; its 'close' follows
}

export function failureOf(error: unknown): Failure {
  if (error instanceof Halt) return { code: error.code, reason: error.message, remedy: error.remedy }
  return { code: 'stack.failed', reason: reasonOf(error), remedy: 'See the logs in the stack\'s folder.' }
}

export function haltOf({ code, reason, remedy }: Failure): Halt {
  return new Halt(code, reason, remedy)
}
