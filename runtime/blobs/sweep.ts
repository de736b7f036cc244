/** Clears what writers left behind when their process died. */
import { lstat, opendir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { unlessAbsent } from './file-errors.ts'

/** No download lives that long, and other processes write here at the same time: only what is surely dead goes. */
const STALE_MS = 24 * 3600 * 1000

/** Removes temporary files older than a day; returns how many. */
export async function sweepTemporary(directory: string, clock: Clock): Promise<number> {
  let removed = 0
  for await (const entry of await opendir(directory)) {
    const path = join(directory, entry.name)
    // Another process that starts now may sweep the same file first.
    const found = await unlessAbsent(lstat(path), undefined)
    if (found === undefined || !found.isFile() || clock.now() - found.mtimeMs < STALE_MS) continue
    await unlessAbsent(unlink(path), undefined)
    removed += 1
  }
  return removed
}
