/** A disk that is full and has space again: of the broker's log, of Postgres' data and of the stages' state. */
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fault } from './fault.ts'
import type { World } from './world.ts'

const DISK_BYTES = 900 << 20
const FULL_MS = 6_000
const BLOCK = Buffer.alloc(1 << 20)

export const diskFull: Fault = {
  name: 'F13', title: 'disk full', strikes: 2, parameters: 'broker log, Postgres data and local state on one small disk; then space returns',
  needs: { smallDisk: true },
  impossible: () => (canMount() ? undefined : 'mounting a tmpfs needs root'),
  async inject(world, strikes) {
    for (let n = 0; n < Math.min(strikes, 3) && !world.faultsOver.aborted; n++) {
      await fillAndFree(world)
      await world.sleep(5_000)
    }
  },
  heal: (world) => freeAndRestart(world),
}

async function fillAndFree(world: World): Promise<void> {
  const strike = world.strike({ row: 'F13', detail: 'disk full' })
  world.beginOutage()
  fill(world)
  await world.sleep(FULL_MS)
  await freeAndRestart(world)
  world.endOutage()
  strike.healedMs = Date.now()
}

/** Servers that gave up are started again, as an operator does. */
async function freeAndRestart(world: World): Promise<void> {
  const { stack } = world.arena
  rmSync(filler(world), { force: true })
  await Promise.all((['kafka', 'postgres'] as const).filter((part) => !isAlive(stack.pids[part])).map(async (part) => {
    world.say(`F13: ${part} had ended`)
    await stack.restart(part)
  }))
}

const filler = ({ arena }: World): string => join(arena.dir, 'filler')

/** Writes until there is no room. */
function fill(world: World): void {
  const file = openSync(filler(world), 'a')
  for (let length = BLOCK.length; length >= 1; length = Math.floor(length / 4)) {
    try {
      for (;;) writeSync(file, BLOCK, 0, length)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
  closeSync(file)
}

function isAlive(pid: number | undefined): boolean {
  return pid !== undefined && existsSync(`/proc/${pid}`)
}

// The disk

export interface SmallDisk { dir: string; unmount(): void }

/** A folder on a disk of limited size, which must be unmounted. */
export function mountSmallDisk(): SmallDisk {
  const disk = mkdtempSync(join(tmpdir(), 'sluice-disk-'))
  const { status, stderr } = mount(disk, DISK_BYTES)
  if (status !== 0) throw new Error(`no small disk at ${disk}: ${stderr}`)
  const dir = join(disk, 'stack')
  mkdirSync(dir, { mode: 0o755 })
  return { dir, unmount: () => unmount(disk) }
}

let mountable: boolean | undefined

function canMount(): boolean {
  if (mountable === undefined) {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-disk-'))
    mountable = process.getuid?.() === 0 && mount(dir, 1 << 20).status === 0
    if (mountable) unmount(dir)
    else rmdirSync(dir)
  }
  return mountable
}

function mount(dir: string, bytes: number) {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0755`, 'tmpfs', dir], { encoding: 'utf8' })
}

function unmount(dir: string): void {
  // Lazily: a file of a server that is just ending may still be open.
  spawnSync('umount', ['-l', dir])
  rmdirSync(dir)
}
