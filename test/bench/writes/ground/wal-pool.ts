/** WAL segments that lie ready. */
import { chown, open } from 'node:fs/promises'
import { join } from 'node:path'
import { serverUser } from '#stack/parts/postgres-place.ts'
import { readSegments, segmentName } from './wal-segments.ts'

const CHUNK_BYTES = 4 * 2 ** 20

/**
 * Makes the segments after the last one, full of zeros as the server itself would make them (XLogFileInit in xlog.c, which
 * takes what is there). A server that has run for a while has old segments to use again, while a new one would fill each
 * with zeros first, and so write it twice.
 */
export async function fillPool(walFolder: string, poolBytes: number): Promise<void> {
  const { bytes, last } = await readSegments(walFolder)
  for (let i = 1; i * bytes <= poolBytes; i++) await makeSegment(join(walFolder, segmentName(last + i, bytes)), bytes)
}

async function makeSegment(path: string, bytes: number): Promise<void> {
  const zeros = Buffer.alloc(Math.min(CHUNK_BYTES, bytes))
  const file = await open(path, 'wx', 0o600)
  try {
    for (let written = 0; written < bytes; written += zeros.length) await file.write(zeros, 0, Math.min(zeros.length, bytes - written))
    await file.sync()
  } finally {
    await file.close()
  }
  const user = serverUser()
  if (user !== undefined) await chown(path, user.uid, user.gid)
}
