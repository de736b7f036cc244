/**
 * The ground's folder. It names its owner, so that what a killed run left behind can be told from what another run uses;
 * and everything of a ground can be found from its folder, so that undoing needs no memory of what was done.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '../../../../bin/cache.mjs'
import { identify, isRunning, type Identity } from '#stack/identity.ts'
import { isOpenToAll, serverUser, socketFolder } from '#stack/parts/postgres-place.ts'
import { endLeftovers } from '#stack/process.ts'
import { removeTraceOf } from './tracefs.ts'
import { detachBelow, unmountBelow } from './device.ts'

const OWNER = 'owner.json'
const PREFIX = 'ground-'
/** A folder without an owner may be just being made. */
const NAMELESS_FOR_MS = 60_000

/** Processes of another host, or of another container, cannot be seen from here. */
interface Owner extends Identity { host: string }

export function groundParent(): string {
  return join(cacheFolder(), 'grounds')
}

/**
 * A new folder that the server's user may enter, owned by this process.
 * @throws Error when that user cannot get there
 */
export async function makeFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true, mode: 0o755 })
  if (serverUser() !== undefined && !isOpenToAll(parent)) throw new Error(`as root, Postgres runs as another user, who cannot reach ${parent}`)
  const folder = await mkdtemp(join(realpathSync(parent), PREFIX)) // as /proc/self/mountinfo and /sys/block name it
  await chmod(folder, 0o755)
  const identity = identify(process.pid, '')
  if (identity !== undefined) await writeFile(join(folder, OWNER), JSON.stringify({ ...identity, host: hostname() } satisfies Owner))
  await mkdir(join(folder, 'tmp'))
  return folder
}

/**
 * Undoes the grounds whose owners have ended without doing so.
 * @returns their folders
 */
export async function sweep(parent: string): Promise<string[]> {
  if (!existsSync(parent)) return []
  const swept: string[] = []
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(realpathSync(parent), name)
    if (!(await isAbandoned(folder))) continue
    await undo(folder)
    swept.push(folder)
  }
  return swept
}

async function isAbandoned(folder: string): Promise<boolean> {
  const owner = ownerOf(folder)
  if (owner !== undefined) return owner.host === hostname() && !isRunning(owner)
  const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Date.now() }))
  return Date.now() - mtimeMs > NAMELESS_FOR_MS
}

function ownerOf(folder: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, OWNER), 'utf8')) as Owner
  } catch {
    return undefined // not yet written, or cut short
  }
}

/** Ends what runs in the folder, takes its mounts, loop devices and trace away, and removes it. */
export async function undo(folder: string): Promise<void> {
  await endLeftovers(folder)
  removeTraceOf(folder)
  await undoDevices(folder)
  await rm(socketFolder({ dir: folder }), { recursive: true, force: true })
  await rm(folder, { recursive: true, force: true })
}

export async function undoDevices(folder: string): Promise<void> {
  await unmountBelow(folder)
  await detachBelow(folder)
}
