/** Real media with ground truth, kept beside the repository and never in it; tests that need it are skipped without. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../../../shared/data')

/** Path of a shared file or folder; undefined when it is not there. */
export const sharedData = (path: string): string | undefined => {
  const found = join(FOLDER, path)
  return existsSync(found) ? found : undefined
}
