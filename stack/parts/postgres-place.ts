/**
 * As whom Postgres runs and where its files lie. It refuses to run as root, so root starts it as another user, who must
 * be able to reach its data.
 */
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Halt } from '#runtime/errors.ts'
import type { Place, User } from '../recipe.ts'

/** The user that Postgres runs as when we are root; undefined when it runs as ourselves. */
export function serverUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'))
  const [, , uid, gid] = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody') ?? []
  if (uid === undefined || gid === undefined) throw new Error('Postgres cannot run as root, and there is no user postgres or nobody')
  return { uid: Number(uid), gid: Number(gid) }
}

/** The folder of the data: in the stack's folder, or in the cache when that is closed to the server's user. */
export function dataFolder({ dir, programs }: Place): string {
  if (serverUser() === undefined || isOpenToAll(dir)) return join(dir, 'postgres')
  return join(programs.cache, 'data', shortHash(dir), 'postgres')
}

/**
 * Ties data in the cache to the stack's folder by a link there. Without the link our data are remains of a folder that
 * was removed, which would not fit its new, empty Kafka: they go. So do those of temporary folders that are gone.
 */
export function tieData(place: Place): void {
  const local = join(place.dir, 'postgres')
  const data = dataFolder(place)
  if (data === local || leadsTo(local, data)) return
  removeTemporary(join(place.programs.cache, 'data'))
  rmSync(dirname(data), { recursive: true, force: true })
  mkdirSync(dirname(data), { recursive: true, mode: 0o755 })
  symlinkSync(data, local)
  writeFileSync(join(dirname(data), 'link'), local)
}

function removeTemporary(folder: string): void {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder)) {
    const note = join(folder, name, 'link')
    if (!existsSync(note)) continue // just being made by another stack
    const link = readFileSync(note, 'utf8')
    if (link.startsWith(`${tmpdir()}/`) && !leadsTo(link, join(folder, name, 'postgres'))) rmSync(join(folder, name), { recursive: true, force: true })
  }
}

/** @throws Halt `stack.cache-closed` when the server's user could not run the binaries */
export function assertReachable(home: string): void {
  if (serverUser() === undefined || isOpenToAll(home)) return
  throw new Halt('stack.cache-closed', `as root, Postgres runs as another user, who cannot reach ${home}`,
    'Set SLUICE_CACHE to a folder that every user may enter, or give a database by DATABASE_URL.')
}

/** A Unix socket's path may have no more than 107 bytes, and the stack's folder can lie deep: so in /tmp, named by it. */
export function socketFolder({ dir }: Pick<Place, 'dir'>): string {
  return `/tmp/sluice-${shortHash(dir)}`
}

/** Whether every folder down to this one can be passed by every user. */
export function isOpenToAll(dir: string): boolean {
  for (let path = dir; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false
    if (path === dirname(path)) return true
  }
}

function leadsTo(link: string, target: string): boolean {
  return lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true && readlinkSync(link) === target
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}
