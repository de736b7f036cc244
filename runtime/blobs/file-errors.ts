/** Whose fault a failing file operation of the store is. */
import { Halt, RetryLater } from '../errors.ts'

/** Long enough for a person to make room before the attempts run out. */
const FULL_RETRY_MS = 60_000

const FULL = new Set(['ENOSPC', 'EDQUOT'])
const UNUSABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ELOOP'])

/** The verdict for a system error; any other error is returned as it is. */
export function verdictOnFileError(error: unknown): unknown {
  const code = errnoOf(error)
  if (code === undefined) return error
  if (FULL.has(code)) {
    return new RetryLater('blob.disk-full', `the blob store is full (${code})`, { cause: error, afterMs: FULL_RETRY_MS })
  }
  if (UNUSABLE.has(code)) {
    return new Halt('blob.unusable', `the blob folder cannot be used (${code})`, 'Correct the owner or mode of the folder, or SLUICE_BLOBS.', { cause: error })
  }
  return new RetryLater('blob.io', `the blob store failed (${code})`, { cause: error })
}

/** Runs a file operation and turns its failure into a verdict. */
export async function onDisk<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation()
  } catch (error) {
    throw verdictOnFileError(error)
  }
}

/** Resolves to `otherwise` when the file is not there. */
export async function unlessAbsent<T, O>(operation: Promise<T>, otherwise: O): Promise<T | O> {
  try {
    return await operation
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return otherwise
    throw error
  }
}

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
