/** Files on this machine, from the allowed folders only. */
import { constants } from 'node:fs'
import { open, realpath, stat, type FileHandle } from 'node:fs/promises'
import { sep } from 'node:path'
import { Reject, RetryLater } from '#runtime/api.ts'
import type { Intake } from './intake.ts'

const CHUNK_BYTES = 256 * 1024

/**
 * Copies a file into the intake.
 * @throws Reject `download.file-not-allowed`, `download.file-not-found`
 * @throws RetryLater `download.file-unreadable`
 */
export async function takeLocalFile(path: string, roots: readonly string[], intake: Intake, signal: AbortSignal): Promise<void> {
  await using file = await openWithin(path, roots)
  intake.announce((await file.stat()).size)
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  for (;;) {
    signal.throwIfAborted()
    const { bytesRead } = await onFile(path, () => file.read(buffer, 0, CHUNK_BYTES, null))
    if (bytesRead === 0) return
    await intake.write(buffer.subarray(0, bytesRead))
  }
}

async function openWithin(path: string, roots: readonly string[]): Promise<FileHandle> {
  // By its spelling first, so that nobody learns what exists elsewhere.
  if (!roots.some((root) => isBelow(path, root))) throw notAllowed(path)
  const real = await realWithin(path, roots)
  // Never through a link that was put there since, and never waiting for the other end of a pipe.
  const file = await onFile(path, () => open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK))
  try {
    await checkUnmoved(file, path, roots)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

async function realWithin(path: string, roots: readonly string[]): Promise<string> {
  const real = await onFile(path, () => realpath(path))
  const realRoots = await Promise.all(roots.map((root) => realpath(root).catch(() => root)))
  if (!realRoots.some((root) => isBelow(real, root))) throw notAllowed(path)
  return real
}

// 1. realpath finds the file below an allowed folder
// 2. somebody replaces a folder on that path by a link that leads elsewhere
// 3. open follows it
// So what was opened must be what the path still leads to, below an allowed folder.
async function checkUnmoved(file: FileHandle, path: string, roots: readonly string[]): Promise<void> {
  const opened = await file.stat()
  if (!opened.isFile()) throw notAllowed(path, 'is no regular file')
  const real = await realWithin(path, roots)
  const named = await onFile(path, () => stat(real))
  if (named.ino !== opened.ino || named.dev !== opened.dev) throw new RetryLater('download.file-unreadable', `${path} was replaced while it was opened`)
}

function isBelow(path: string, root: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep)
}

const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'])
const NOT_A_FILE = new Set(['ELOOP', 'EISDIR', 'ENXIO'])

async function onFile<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation()
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    if (ABSENT.has(code)) throw new Reject('download.file-not-found', `there is no file ${path}`, { cause })
    if (NOT_A_FILE.has(code)) throw notAllowed(path, 'is no regular file')
    throw new RetryLater('download.file-unreadable', `${path} cannot be read (${code})`, { cause })
  }
}

function notAllowed(path: string, why = 'is in none of the allowed folders'): Reject {
  return new Reject('download.file-not-allowed', `${path} ${why}; SLUICE_FILE_ROOTS names the folders that may be read`)
}
