/** How one part is started, asked whether it is ready, and stopped; the supervisor does the rest alike for all. */
import type { Programs } from './install.ts'
import type { Part } from './part.ts'

/** Where a part runs. */
export interface Place {
  /** The stack's folder. */
  dir: string
  /** The part's unpacked files in the cache. */
  home: string
  programs: Programs
  /** By the names that the recipe asks for. */
  ports: Readonly<Record<string, number>>
}

export interface Command {
  file: string
  args: readonly string[]
  /** To run as another user, when we are root. */
  user?: User
}

export interface User { uid: number; gid: number }

export interface Recipe {
  part: Part
  ports: readonly string[]
  /** A word of the process's command line that no other process has: its data folder. */
  marker(place: Place): string
  /** Writes what the process reads. Data that is there is kept. */
  prepare(place: Place): Promise<void>
  command(place: Place): Command
  /** Resolves when the part answers by its own protocol; rejects when the signal is aborted before. */
  ready(place: Place, signal: AbortSignal): Promise<void>
  /** By which others reach it. */
  address(place: Place): string
  /** Asks for an orderly end. */
  stopSignal: NodeJS.Signals
  /** After the process ended; `wasReady` tells whether it ever answered. */
  ended(place: Place, wasReady: boolean): Promise<void>
}
