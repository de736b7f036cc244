/**
 * Where writes are measured: a PostgreSQL of its own whose data and WAL, and a broker whose log, each lie on a block
 * device of their own, so that all that reaches a device is theirs.
 */
import { mkdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { reasonOf } from '#runtime/errors.ts'
import { installParts } from '#stack/install.ts'
import type { DeviceName, Layers } from '../layers.ts'
import { startBroker } from './broker.ts'
import { startCluster } from './cluster.ts'
import { makeDevice, type Device, type RaidLayout } from './device.ts'
import { groundParent, makeFolder, sweep, undoDevices } from './folder.ts'
import { leaving, type Leaving } from './leaving.ts'
import { measureWindow, type Scene } from './window.ts'

export interface GroundOptions {
  /** Sizes of the devices. Their images are sparse: only what is written takes room. */
  dataBytes: number
  walBytes: number
  /** A broker too, with its log on a device of this size. */
  kafkaBytes?: number
  /** Of the RAID that the file systems are laid out for: ext4's stride and stripe width. */
  disks?: number
  chunkBytes?: number
  /** More arguments, such as `--no-data-checksums`. */
  initdb?: readonly string[]
  /** In place of, or beside, those of `RAID5_SETTINGS`. */
  settings?: Readonly<Record<string, string | number>>
  /** WAL segments that lie ready when the work begins, as on a server that has run for a while; half the device at most. */
  walPoolBytes?: number
  /** Where the ground's folder is made; in the cache when absent. */
  parent?: string
  /** False: plain folders instead of devices, as where privileges are missing. */
  devices?: boolean
  log?: (line: string) => void
}

export interface Ground {
  /** Of an empty database, as a role that is no superuser but may checkpoint and read statistics. */
  databaseUrl: string
  /** The superuser, by the socket. */
  superuser: pg.ClientConfig
  /** Undefined without a broker. */
  kafkaBrokers: string | undefined
  /** For the replay of block events. */
  array: { disks: number; chunkBytes: number }
  devices: Partial<Record<DeviceName, GroundDevice>> | { absent: string }
  /** Runs the work in a window of its own; one at a time. @throws when the window is not valid, saying why; or what the work threw */
  measure(work: () => Promise<void>, options?: WindowOptions): Promise<Layers>
  /** Undoes everything. May be called twice. */
  close(): Promise<void>
}

export interface GroundDevice {
  /** `/dev/loop3` */
  path: string
  /** Major and minor number: `7:3`. */
  number: string
  mountPoint: string
  /** Whether its image is written past the page cache. */
  directIo: boolean
}

export interface WindowOptions {
  /** After the work, inside the window: such as VACUUM (FREEZE) of its tables. */
  settle?: () => Promise<void>
  /** How long no device may see an event before a window begins and ends; the journal of ext4 commits every 5 s. Default 5,000. */
  quietMs?: number
  /** Counts system calls, which slows the work: for a run of its own. */
  systemCalls?: boolean
}

const MIB = 2 ** 20
/** Half of it is `max_wal_size`, and what is kept for pg_waldump comes on top. */
const LEAST_WAL_BYTES = 768 * MIB
const DEFAULTS = { disks: 4, chunkBytes: 64 * 1024, initdb: [], settings: {}, walPoolBytes: 512 * MIB, devices: true, log: () => undefined }

type Plan = GroundOptions & Required<Pick<GroundOptions, keyof typeof DEFAULTS>>

/**
 * A ground, after those are removed whose runs were killed. It goes with this process: by `close`, by SIGINT and SIGTERM,
 * or else with the next run.
 * @throws Error when a server does not start; nothing is left behind then
 */
export async function openGround(options: GroundOptions): Promise<Ground> {
  const plan: Plan = { ...DEFAULTS, ...options }
  if (plan.walBytes < LEAST_WAL_BYTES) throw new Error(`a device for WAL has at least ${LEAST_WAL_BYTES} bytes`)
  const parent = plan.parent ?? groundParent()
  for (const left of await sweep(parent)) plan.log(`Removed ${left}, which a killed run had left`)
  const folder = await makeFolder(parent)
  const leave = leaving(folder)
  try {
    return await furnish(plan, folder, leave)
  } catch (error) {
    await leave.run()
    throw error
  }
}

async function furnish(plan: Plan, folder: string, leave: Leaving): Promise<Ground> {
  const { disks, chunkBytes, log } = plan
  const found = await makeDevices(plan, folder, leave.signal)
  const programs = await installParts(plan.kafkaBytes === undefined ? ['postgres'] : ['postgres', 'kafka'], ({ note }) => log(note))
  const files = { data: join(folder, 'data'), wal: join(folder, 'wal'), ...(plan.kafkaBytes === undefined ? {} : { kafka: join(folder, 'kafka') }) }
  const surroundings = { folder, programs, signal: leave.signal, log }
  const cluster = await startCluster({ ...plan, ...surroundings, data: files.data, wal: files.wal, walDeviceBytes: plan.walBytes, walPoolBytes: Math.min(plan.walPoolBytes, plan.walBytes / 2) })
  leave.before(() => cluster.stop())
  const broker = plan.kafkaBytes === undefined ? undefined : await startBroker(surroundings)
  if (broker !== undefined) leave.before(() => broker.stop())
  const devices = 'absent' in found ? [] : found
  const scene: Scene = { folder, cluster, brokerPid: broker?.state().pid, files, devices, noDevices: 'absent' in found ? found.absent : undefined, leave }
  return {
    databaseUrl: cluster.databaseUrl,
    superuser: cluster.superuser,
    kafkaBrokers: broker?.state().address,
    array: { disks, chunkBytes },
    devices: 'absent' in found ? found : Object.fromEntries(found.map((device) => [device.name, device])),
    measure: oneAtATime((work: () => Promise<void>, window: WindowOptions = {}) => measureWindow(scene, work, window)),
    close: () => leave.run(),
  }
}

/** Plain folders in their place, and the reason, where devices are not to be had. */
async function makeDevices(plan: Plan, folder: string, signal: AbortSignal): Promise<Device[] | { absent: string }> {
  const sizes = Object.entries({ data: plan.dataBytes, wal: plan.walBytes, kafka: plan.kafkaBytes }) as [DeviceName, number | undefined][]
  const wanted = sizes.filter((entry): entry is [DeviceName, number] => entry[1] !== undefined)
  try {
    if (!plan.devices) throw new Error('not asked for')
    return await devicesOf(folder, wanted, plan, signal)
  } catch (error) {
    signal.throwIfAborted()
    await undoDevices(folder)
    for (const [name] of wanted) await mkdir(join(folder, name), { recursive: true })
    return { absent: `no devices of our own: ${reasonOf(error)}` }
  }
}

async function devicesOf(folder: string, wanted: readonly [DeviceName, number][], layout: RaidLayout, signal: AbortSignal): Promise<Device[]> {
  if (process.platform !== 'linux') throw new Error('loop devices are Linux\'s')
  if (process.getuid?.() !== 0) throw new Error('only root may make and mount them')
  await assertRoom(folder, wanted.reduce((sum, [, bytes]) => sum + bytes, 0))
  const devices: Device[] = []
  for (const [name, bytes] of wanted) {
    signal.throwIfAborted()
    devices.push(await makeDevice(folder, name, bytes, layout))
  }
  return devices
}

/** The images are sparse: a disk that fills up while they grow would fail in the middle of the work. */
async function assertRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < bytes) throw new Error(`they may grow to ${bytes} bytes, and ${folder} has only ${bavail * bsize} left`)
}

function oneAtATime<A extends unknown[], T>(action: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
  let busy = false
  return async (...args) => {
    if (busy) throw new Error('another window is open')
    busy = true
    try {
      return await action(...args)
    } finally {
      busy = false
    }
  }
}
