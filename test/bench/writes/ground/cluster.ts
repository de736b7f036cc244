/** A PostgreSQL whose data and WAL lie in two folders of the ground. */
import { appendFile, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { postgresBinaries } from '#stack/artifacts.ts'
import { run } from '#stack/command.ts'
import type { Programs } from '#stack/install.ts'
import { ACCESS, asServer, LOCALE, ownFolder, postgres, renderConfig, writeAsServer } from '#stack/parts/postgres.ts'
import { assertReachable, socketFolder } from '#stack/parts/postgres-place.ts'
import type { Place, Recipe } from '#stack/recipe.ts'
import { supervise } from '#stack/supervisor.ts'
import { RAID5_SETTINGS, walBounds } from './settings.ts'
import { fillPool } from './wal-pool.ts'

export interface ClusterPlan {
  folder: string
  programs: Programs
  /** The folders in which the data and the WAL get theirs. */
  data: string
  wal: string
  walDeviceBytes: number
  walPoolBytes: number
  initdb: readonly string[]
  settings: Readonly<Record<string, string | number>>
  signal: AbortSignal
  log: (line: string) => void
}

export interface Cluster {
  databaseUrl: string
  superuser: pg.ClientConfig
  pid: number
  binaries: string
  walFolder: string
  stop(): Promise<void>
}

export async function startCluster(plan: ClusterPlan): Promise<Cluster> {
  const { folder, programs, signal, log } = plan
  const place = { dir: folder, home: programs.homes.postgres ?? '', programs, ports: {} }
  const recipe = recipeOf(plan)
  const server = await supervise(recipe, { ...place, signal, onUnexpectedEnd: (how) => log(`The ground's Postgres ${how} though nobody asked it to: see ${folder}/logs`) })
  const superuser = { host: socketFolder(place), port: server.ports().postgres ?? 0, user: 'postgres', database: 'postgres' }
  const { address, pid } = server.state()
  return { databaseUrl: address, superuser, pid, binaries: postgresBinaries(place.home), walFolder: walFolder(plan), stop: () => server.stop() }
}

const dataFolder = ({ data }: ClusterPlan): string => join(data, 'postgres')
const walFolder = ({ wal }: ClusterPlan): string => join(wal, 'pg_wal')

/** The stack's server, but for its folders and settings. */
function recipeOf(plan: ClusterPlan): Recipe {
  return {
    ...postgres,
    marker: () => dataFolder(plan),
    async prepare(place) {
      assertReachable(place.home)
      if (!existsSync(join(dataFolder(plan), 'PG_VERSION'))) await initialise(plan, place)
      if (!existsSync(socketFolder(place))) await ownFolder(socketFolder(place))
      await writeAsServer(join(dataFolder(plan), 'postgresql.conf'), renderConfig(place.ports, socketFolder(place)))
      await appendFile(join(dataFolder(plan), 'postgresql.conf'), settingsOf(plan))
      await writeAsServer(join(dataFolder(plan), 'pg_hba.conf'), ACCESS)
    },
    command: (place) => ({ file: join(postgresBinaries(place.home), 'postgres'), args: ['-D', dataFolder(plan)], ...asServer() }),
  }
}

/** In postgresql.conf the last line wins. */
function settingsOf({ walDeviceBytes, walPoolBytes, settings }: ClusterPlan): string {
  const all = { ...RAID5_SETTINGS, ...walBounds(walDeviceBytes, walPoolBytes), ...settings }
  return Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`).join('')
}

async function initialise(plan: ClusterPlan, { home }: Place): Promise<void> {
  for (const path of [dataFolder(plan), walFolder(plan)]) {
    await rm(path, { recursive: true, force: true }) // of an attempt that failed
    await ownFolder(path)
  }
  const args = ['-D', dataFolder(plan), '--waldir', walFolder(plan), '-U', 'postgres', '-A', 'trust', '--no-sync', '--no-instructions', '-E', 'UTF8']
  await run(join(postgresBinaries(home), 'initdb'), [...args, ...LOCALE, ...plan.initdb], { cwd: '/', ...asServer().user })
  await fillPool(walFolder(plan), plan.walPoolBytes)
}
