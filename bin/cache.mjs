/** Where downloads are kept, shared by all checkouts of one user. */
import { chmod, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * The cache folder; it need not exist yet.
 * Root gets one under /var: as root, Postgres runs as another user, who must be able to reach its binaries, and root's
 * home is usually closed to everyone else.
 */
export function cacheFolder(env = process.env, uid = process.getuid?.()) {
  if (env.SLUICE_CACHE) return resolve(env.SLUICE_CACHE)
  if (uid === 0) return '/var/cache/sluice'
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice')
}

const HOUR_MS = 3_600_000

/**
 * A new empty folder in the cache to build something in, to be renamed to its place when complete. What a killed
 * process left there is removed after an hour.
 */
export async function workFolder(cache) {
  await mkdir(cache, { recursive: true })
  await chmod(cache, 0o755) // Postgres may run as another user than ours
  for (const name of await readdir(cache)) {
    if (name.startsWith('work-') && (await ageMs(join(cache, name))) > HOUR_MS) await rm(join(cache, name), { recursive: true, force: true })
  }
  return mkdtemp(join(cache, 'work-'))
}

async function ageMs(path) {
  return stat(path).then(({ mtimeMs }) => Date.now() - mtimeMs, () => 0)
}
