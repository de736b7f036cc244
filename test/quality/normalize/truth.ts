/** Shared media and what is known about it, for the quality tests of normalize. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { Reject } from '#runtime/errors.ts'
import { systemClock } from '#runtime/clock.ts'
import { createLog } from '#runtime/log.ts'
import type { Decoded } from '#processors/normalize/decoded.ts'
import { DecoderPool } from '#processors/normalize/decoder-pool.ts'
import { sharedData } from '#test/support/shared-data.ts'

export const needsSharedData = { skip: sharedData('av/truth.tsv') ? false : 'needs ../shared/data' }

export type Row = Record<string, string>

/** Rows of a folder's `truth.tsv`, by its column names; none where the shared data is absent. */
export function truthOf(folder: string): Row[] {
  const path = sharedData(join(folder, 'truth.tsv'))
  if (path === undefined) return []
  const [header, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => line.split('\t'))
  return lines.map((cells) => Object.fromEntries(header!.map((name, column) => [name, cells[column] ?? ''])))
}

const never = new AbortController().signal

/** Decoders for the tests of one file. */
export class Bench {
  readonly pool = new DecoderPool({ size: 2, clock: systemClock, log: createLog('test', 'silent') })
  readonly #outcomes = new Map<string, Promise<Decoded | string>>()

  constructor() {
    after(() => this.pool.close())
  }

  /** What became of a shared file: its normal form, or the code that refused it. Decoded once, however often asked. */
  outcomeOf(path: string): Promise<Decoded | string> {
    const known = this.#outcomes.get(path) ?? this.#decode(path)
    this.#outcomes.set(path, known)
    return known
  }

  /** The normal form of a file that must have one. */
  async decoded(path: string): Promise<Decoded> {
    const outcome = await this.outcomeOf(path)
    assert.ok(typeof outcome === 'object', `${path}: ${String(outcome)}`)
    return outcome
  }

  async #decode(path: string): Promise<Decoded | string> {
    const file = sharedData(path)
    if (file === undefined) throw new Error(`${path} is not among the shared data`)
    try {
      return await this.pool.decode(file, '', never)
    } catch (error) {
      if (error instanceof Reject) return error.code
      throw error
    }
  }
}
