/** PostgreSQL with pgvector, settings for a sink. */
import { existsSync } from 'node:fs'
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { postgresBinaries } from '../artifacts.ts'
import { run } from '../command.ts'
import { commandLineOf } from '../identity.ts'
import type { Place, Recipe } from '../recipe.ts'
import { assertReachable, dataFolder, serverUser, socketFolder, tieData } from './postgres-place.ts'
import { createRoleAndDatabase, DATABASE, postgresAnswers, ROLE } from './postgres-ready.ts'

export const postgres: Recipe = {
  part: 'postgres',
  ports: ['postgres'],
  stopSignal: 'SIGINT', // fast shutdown: sessions are ended; SIGTERM would wait for them
  marker: (place) => dataFolder(place),
  address: ({ ports }) => `postgres://${ROLE}@127.0.0.1:${ports.postgres}/${DATABASE}`,
  async prepare(place) {
    assertReachable(place.home)
    tieData(place)
    const data = dataFolder(place)
    if (!existsSync(data)) await initialise(place, data)
    await rm(socketFolder(place), { recursive: true, force: true })
    await ownFolder(socketFolder(place))
    await writeAsServer(join(data, 'postgresql.conf'), renderConfig(place.ports, socketFolder(place)))
    await writeAsServer(join(data, 'pg_hba.conf'), ACCESS)
    await removeStalePidFile(data)
  },
  command: (place) => ({ file: join(postgresBinaries(place.home), 'postgres'), args: ['-D', dataFolder(place)], ...asServer() }),
  async ready(place, signal) {
    await createRoleAndDatabase(socketFolder(place), place.ports.postgres ?? 0, signal)
    await postgresAnswers(postgres.address(place), signal)
  },
  async ended(place) {
    await rm(socketFolder(place), { recursive: true, force: true })
  },
}

/**
 * The pipeline's role may connect from this machine but is no superuser, as it would be in production: so the
 * migrations prove that they need none. The superuser is reached by the socket only, whose folder is closed to others.
 */
export const ACCESS = `local all all trust
host all ${ROLE} 127.0.0.1/32 trust
`

/** A bulk writer: few checkpoints, since each makes the next change of every page log the whole page. */
export function renderConfig(ports: Readonly<Record<string, number>>, sockets: string): string {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: ports.postgres,
    unix_socket_directories: sockets,
    unix_socket_permissions: '0700',
    max_connections: 100,
    shared_buffers: '128MB',
    maintenance_work_mem: '256MB',
    max_wal_size: '4GB',
    checkpoint_timeout: '15min',
    wal_compression: 'pglz',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] ',
  }
  return Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`).join('')
}

/** Postgres's own rules, the same on every system, in place of the C library's. */
export const LOCALE = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']

/** Made beside its place: a data folder that exists is whole. */
async function initialise(place: Place, data: string): Promise<void> {
  const fresh = `${data}.new`
  await rm(fresh, { recursive: true, force: true })
  await ownFolder(fresh)
  const args = ['-D', fresh, '-U', 'postgres', '-A', 'trust', '--no-sync', '--no-instructions', '-E', 'UTF8', ...LOCALE]
  await run(join(postgresBinaries(place.home), 'initdb'), args, { cwd: '/', ...asServer().user })
  await rename(fresh, data)
}

/**
 * A new folder that only the server may enter. It must not exist: in a folder open to all, such as /tmp, what exists may
 * be somebody's link to something else.
 */
export async function ownFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 })
  const user = serverUser()
  if (user !== undefined) await chown(path, user.uid, user.gid)
}

export async function writeAsServer(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 })
  const user = serverUser()
  if (user !== undefined) await chown(path, user.uid, user.gid)
}

export function asServer(): { user?: { uid: number; gid: number } } {
  const user = serverUser()
  return user === undefined ? {} : { user }
}

/**
 * After a crash the server leaves its process id, and would refuse to start while any process has that number; in a
 * container, where numbers start low again, some process soon does. It is stale unless a server of these data has it.
 */
async function removeStalePidFile(data: string): Promise<void> {
  const path = join(data, 'postmaster.pid')
  const pid = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10)
  if (pid > 0 && !commandLineOf(pid).includes(data)) await rm(path, { force: true })
}
