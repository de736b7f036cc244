/** Shared media and what is known about it, for the quality tests of normalize. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
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

export function openPool(t: TestContext, size = 2): DecoderPool {
  const pool = new DecoderPool({ size, clock: systemClock, log: createLog('test', 'silent') })
  t.after(() => pool.close())
  return pool
}

export const never = new AbortController().signal

/** What became of a file: its normal form, or the code that refused it. */
export async function outcomeOf(pool: DecoderPool, path: string): Promise<Decoded | string> {
  const file = sharedData(path)
  if (file === undefined) throw new Error(`${path} is not among the shared data`)
  try {
    return await pool.decode(file, '', never)
  } catch (error) {
    if (error instanceof Reject) return error.code
    throw error
  }
}
