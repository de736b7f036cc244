/** What a fault is: a row of the fault matrix that can be injected into a round and healed again. */
import type { World } from './world.ts'

export const ROWS = [
  'F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8', 'F9', 'F10', 'F11', 'F12', 'F13', 'F14', 'F15', 'F16', 'F17', 'F18', 'F19', 'F20',
] as const
export type Row = (typeof ROWS)[number]

/** What went against a promise; `invariant` is the oracle's name of it, or one of ours. */
export interface Broken { invariant: string; detail: string }

export interface RoundNeeds {
  /** 'skewed': event times within a day around now, and some at 0. */
  timestamps?: 'now' | 'skewed'
  /** The clocks of a stage's two processes are this far apart. */
  clockSkewMs?: number
  /** Session time-out of the processes; SESSION_MS when absent. */
  sessionMs?: number
  /** Settings of the changelog's topic, and of every other one, besides their usual ones. */
  changelog?: Record<string, string>
  topics?: Record<string, string>
  /** Codes with which healthy events may be given up. */
  mayGiveUp?: readonly string[]
  /** Versions of a stage that run side by side. */
  versions?: 1 | 2
  /** A stack of its own on a disk that can be filled. */
  smallDisk?: true
}

export interface Fault {
  name: Row
  title: string
  /** Of what kinds it is, for the report. */
  parameters: string
  needs?: RoundNeeds
  /** Strikes that a round of a campaign asks for. */
  strikes: number
  /** Why it cannot be made on this machine. */
  impossible?(): string | undefined
  /** Strikes so many times, as far as it can, until the world's `faultsOver` is aborted. */
  inject?(world: World, strikes: number): Promise<void>
  /** Undoes what lasts. What `inject` left in the middle must be healed as well. */
  heal?(world: World): Promise<void>
  /** A fault of a world that has come to rest and was found to be in order; its stages are stopped. */
  afterwards?(world: World): Promise<Broken[]>
}
