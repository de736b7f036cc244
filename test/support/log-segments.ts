/** What a private broker has on its disk. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Stack } from '#stack/stack.ts'

export interface StoredBatch { baseOffset: number; lastOffset: number; count: number }

/** The record batches of each segment of a topic's partition 0, oldest segment first. */
export function segmentsOf(stack: Stack, topic: string): StoredBatch[][] {
  const folder = join(dirname(stack.logs), 'kafka', 'data', `${topic}-0`)
  return readdirSync(folder).filter((name) => name.endsWith('.log')).sort().map((name) => batchesOf(readFileSync(join(folder, name))))
}

/** A segment in use ends with zeros where the broker has room for more. */
function batchesOf(bytes: Buffer): StoredBatch[] {
  const batches: StoredBatch[] = []
  for (let at = 0; at + 61 <= bytes.length && bytes.readInt32BE(at + 8) > 0; at += 12 + bytes.readInt32BE(at + 8)) {
    const baseOffset = Number(bytes.readBigInt64BE(at))
    batches.push({ baseOffset, lastOffset: baseOffset + bytes.readInt32BE(at + 23), count: bytes.readInt32BE(at + 57) })
  }
  return batches
}
