/**
 * A window of measurement: from one quiet, checkpointed, synced state to the next. All that the work has caused, sooner or
 * later, is inside: the checkpoint's writes, the kernel's write-back, and the file systems' journals.
 */
import pg from 'pg'
import { reasonOf } from '#runtime/errors.ts'
import type { Device } from './device.ts'
import { startTrace, type BlockTrace } from './block-trace.ts'
import { assertAgreement, quiet, readDiskStat, since } from './disk-stat.ts'
import type { Cluster } from './cluster.ts'
import type { WindowOptions } from './ground.ts'
import type { Leaving } from './leaving.ts'
import type { BlockCounts, DeviceName, DiskStat, Layers, SystemCalls } from '../layers.ts'
import { allIdle, allReported, countsBetween, readCounts, type OwnCounts } from './postgres-counts.ts'
import { processesBetween, readProcesses } from './processes.ts'
import { traceCalls, type CallTrace } from './system-calls.ts'
import { tool } from './tool.ts'
import { readWal, type WalReading } from './wal-dump.ts'

/** What is measured, and what of it can be seen. */
export interface Scene {
  folder: string
  cluster: Cluster
  brokerPid: number | undefined
  /** Where each device's files lie, devices or not. */
  files: Readonly<Partial<Record<DeviceName, string>>>
  devices: readonly Device[]
  /** Why there are no devices. */
  noDevices: string | undefined
  leave: Leaving
}

type Absent = { absent: string }

interface Recorders {
  client: pg.Client
  counts: OwnCounts
  writes: Layers['processes']
  disks: DiskStat[]
  wal: WalReading
  blocks: BlockTrace | Absent
  calls: CallTrace | Absent
}

const QUIET_MS = 5_000

export async function measureWindow(scene: Scene, work: () => Promise<void>, { settle, quietMs = QUIET_MS, systemCalls = false }: WindowOptions): Promise<Layers> {
  const client = new pg.Client(scene.cluster.superuser)
  client.on('error', () => undefined) // the next query says so
  await client.connect()
  let discard: (() => Promise<void>) | undefined
  let forget: (() => void) | undefined
  try {
    await settleDown(scene, client, quietMs)
    const recorders = await begin(scene, client, systemCalls)
    discard = () => discardAll(recorders)
    forget = scene.leave.before(discard)
    await work()
    await settle?.()
    await recorders.wal.catchUp() // before the checkpoint lets segments go
    await settleDown(scene, client, quietMs)
    return await finish(scene, recorders)
  } finally {
    await discard?.()
    forget?.()
    await client.end()
  }
}

/** Ends in a state that costs nothing more. */
async function settleDown({ devices }: Scene, client: pg.Client, quietMs: number): Promise<void> {
  await allIdle(client)
  await client.query('checkpoint')
  for (const { mountPoint } of devices) await tool('sync', '--file-system', mountPoint)
  await Promise.all([quiet(devices, quietMs), allReported(client)])
}

async function begin(scene: Scene, client: pg.Client, systemCalls: boolean): Promise<Recorders> {
  const { cluster, devices } = scene
  const blocks = await orAbsent(scene.noDevices, () => startTrace(scene.folder, devices))
  try {
    const disks = devices.map(({ disk }) => readDiskStat(disk))
    const counts = await readCounts(client)
    const writes = readProcesses(cluster.pid, scene.brokerPid)
    const wal = readWal(cluster.binaries, cluster.walFolder, await lsn(client, 'insert'), () => lsn(client, 'flush'))
    const calls = await beginCalls(scene, systemCalls)
    return { client, counts, writes, disks, wal, blocks, calls }
  } catch (error) {
    if (!('absent' in blocks)) await blocks.discard()
    throw error
  }
}

async function lsn(client: pg.Client, which: 'insert' | 'flush'): Promise<string> {
  const { rows: [row] } = await client.query<{ lsn: string }>(`select pg_current_wal_${which}_lsn() as lsn`)
  return row!.lsn
}

async function beginCalls({ folder, cluster, brokerPid, files }: Scene, asked: boolean): Promise<CallTrace | Absent> {
  const pids = brokerPid === undefined ? [cluster.pid] : [cluster.pid, brokerPid]
  return orAbsent(asked ? undefined : 'not asked for: it slows the work, so it has a run of its own', () => traceCalls(folder, pids, files))
}

async function orAbsent<T>(absent: string | undefined, make: () => Promise<T>): Promise<T | Absent> {
  if (absent !== undefined) return { absent }
  try {
    return await make()
  } catch (error) {
    return { absent: reasonOf(error) }
  }
}

/** Without a word to the servers before the devices are read. */
async function finish(scene: Scene, { client, counts, writes, disks, wal, blocks, calls }: Recorders): Promise<Layers> {
  const systemCalls: SystemCalls | Absent = 'absent' in calls ? calls : await calls.stop()
  const disksNow = scene.devices.map(({ disk }, i) => since(disks[i]!, readDiskStat(disk)))
  const block = 'absent' in blocks ? blocks : await blocks.stop()
  const processes = processesBetween(writes, readProcesses(scene.cluster.pid, scene.brokerPid))
  const walByManager = await wal.finish()
  const postgres = { ...countsBetween(counts, await readCounts(client)), walByManager }
  const byName = Object.fromEntries(scene.devices.map(({ name }, i) => [name, disksNow[i]!]))
  if (!('absent' in block)) assertAll(block, byName)
  return { postgres, systemCalls, processes, block, disks: scene.noDevices === undefined ? byName : { absent: scene.noDevices } }
}

function assertAll(block: Partial<Record<DeviceName, BlockCounts>>, disks: Partial<Record<DeviceName, DiskStat>>): void {
  for (const name of Object.keys(block) as DeviceName[]) assertAgreement(name, block[name]!, disks[name]!)
}

async function discardAll({ wal, blocks, calls }: Recorders): Promise<void> {
  wal.stop()
  if (!('absent' in calls)) await calls.discard()
  if (!('absent' in blocks)) await blocks.discard()
}
