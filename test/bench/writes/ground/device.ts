/** Block devices of the ground: an image file each, behind a loop device, with an ext4 laid out for the RAID. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { DeviceName } from '../layers.ts'
import type { GroundDevice } from './ground.ts'
import { tool } from './tool.ts'

export interface Device extends GroundDevice {
  name: DeviceName
  /** In /sys/block: `loop3`. */
  disk: string
}

export interface RaidLayout { disks: number; chunkBytes: number }

const BLOCK_BYTES = 4096

/**
 * A new device, mounted at `<folder>/<name>`.
 * @throws Error in the words of the tool that refused
 */
export async function makeDevice(folder: string, name: DeviceName, bytes: number, layout: RaidLayout): Promise<Device> {
  const image = join(folder, `${name}.img`)
  const mountPoint = join(folder, name)
  await makeImage(image, bytes)
  await format(image, layout)
  const path = await attach(image)
  const disk = basename(path)
  await mkdir(mountPoint)
  // Prefetched bitmaps would be reads at a time of the kernel's choice.
  await tool('mount', '-t', 'ext4', '-o', 'noatime,no_prefetch_block_bitmaps', path, mountPoint)
  return { name, path, disk, mountPoint, number: readFileSync(`/sys/block/${disk}/dev`, 'utf8').trim(), directIo: isDirect(disk) }
}

/** Sparse, so all zeros. */
async function makeImage(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.truncate(Math.floor(bytes / BLOCK_BYTES) * BLOCK_BYTES)
  } finally {
    await file.close()
  }
}

/**
 * The layout as `mke2fs(8)` wants it for RAID5: a stripe is one chunk of each disk but one. Nothing is left to be
 * initialised after the mount: inode tables now, and the journal needs no zeros on a new image.
 */
async function format(image: string, { disks, chunkBytes }: RaidLayout): Promise<void> {
  const stride = chunkBytes / BLOCK_BYTES
  const extended = ['lazy_itable_init=0', 'lazy_journal_init=1', `stride=${stride}`, `stripe_width=${stride * (disks - 1)}`]
  await tool('mkfs.ext4', '-q', '-F', '-m', '0', '-b', String(BLOCK_BYTES), '-E', extended.join(','), image)
}

/**
 * Past the page cache where the image's file system allows that: otherwise the kernel would gather and delay our writes
 * once more. Direct access may need the sectors of the disk below, or not be possible at all (tmpfs).
 */
async function attach(image: string): Promise<string> {
  const ways = [['--direct-io=on'], ['--direct-io=on', '--sector-size', '4096'], []]
  let refusal: unknown
  for (const way of ways) {
    try {
      return await tool('losetup', '--find', '--show', ...way, image)
    } catch (error) {
      refusal = error
      await detachBelow(image)
    }
  }
  throw refusal
}

function isDirect(disk: string): boolean {
  return readFileSync(`/sys/block/${disk}/loop/dio`, 'utf8').trim() === '1'
}

/** Detaches every loop device whose image lies at or below this path. */
export async function detachBelow(path: string): Promise<void> {
  for (const disk of loopDisks()) {
    if (isAtOrBelow(imageOf(disk), path)) await tool('losetup', '--detach', `/dev/${disk}`)
  }
}

/** Unmounts everything at or below this path, the newest mount first; what is still in use goes when it is not any more. */
export async function unmountBelow(path: string): Promise<void> {
  for (const mountPoint of mountPoints().filter((point) => isAtOrBelow(point, path)).reverse()) {
    await tool('umount', mountPoint).catch(() => tool('umount', '--lazy', mountPoint))
  }
}

function loopDisks(): string[] {
  return existsSync('/sys/block') ? readdirSync('/sys/block').filter((name) => /^loop\d+$/.test(name)) : []
}

/** Of an image that was removed while attached, the kernel says so behind its name. */
function imageOf(disk: string): string {
  try {
    return readFileSync(`/sys/block/${disk}/loop/backing_file`, 'utf8').trim().replace(/ \(deleted\)$/, '')
  } catch {
    return '' // not attached
  }
}

/** Of this process's mounts, in the order in which they were made (proc(5): mountinfo, whose fifth field escapes in octal). */
function mountPoints(): string[] {
  if (!existsSync('/proc/self/mountinfo')) return []
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line !== '')
  return lines.map((line) => (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
}

function isAtOrBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}
