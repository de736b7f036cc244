/** The files of pg_wal. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A new cluster's first timeline, which only a recovery would end. */
const TIMELINE = '00000001'
/** What one half of a segment's name counts up to. */
const HALF_BYTES = 2 ** 32

export interface Segments {
  /** Of one segment. */
  bytes: number
  /** The number of the last one. */
  last: number
}

export async function readSegments(walFolder: string): Promise<Segments> {
  const name = (await readdir(walFolder)).filter((file) => /^[0-9A-F]{24}$/.test(file)).sort().at(-1)
  if (name === undefined) throw new Error(`no WAL in ${walFolder}`)
  const { size } = await stat(join(walFolder, name))
  return { bytes: size, last: Number.parseInt(name.slice(8, 16), 16) * (HALF_BYTES / size) + Number.parseInt(name.slice(16), 16) }
}

/** Timeline, then the segment's number in two halves, eight hexadecimal digits each (XLogFileName in xlog_internal.h). */
export function segmentName(number: number, segmentBytes: number): string {
  const perHalf = HALF_BYTES / segmentBytes
  const digits = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0')
  return TIMELINE + digits(Math.floor(number / perHalf)) + digits(number % perHalf)
}
