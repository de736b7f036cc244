/** What a disk has done, as /sys/block/DISK/stat counts it (Documentation/block/stat.rst). */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { SECTOR_BYTES } from '../block-event.ts'
import type { BlockCounts, DiskStat } from '../layers.ts'
import type { Device } from './device.ts'

const POLL_MS = 100
const QUIET_DEADLINE_MS = 90_000
const TOLERANCE = 0.01

export function readDiskStat(disk: string): DiskStat {
  return parseDiskStat(readText(disk))
}

/** Sectors are of 512 bytes whatever the disk's are. */
export function parseDiskStat(text: string): DiskStat {
  const fields = text.trim().split(/\s+/).map(Number)
  if (fields.length < 16 || fields.some(Number.isNaN)) throw new Error(`not the statistics of a disk: ${text}`)
  const bytes = (field: number): number => fields[field]! * SECTOR_BYTES
  return {
    reads: fields[0]!, readBytes: bytes(2), writes: fields[4]!, writtenBytes: bytes(6),
    discards: fields[11]!, discardedBytes: bytes(13), flushes: fields[15]!,
  }
}

export function since(before: DiskStat, after: DiskStat): DiskStat {
  const names = Object.keys(before) as (keyof DiskStat)[]
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as unknown as DiskStat
}

/**
 * Resolves when none of the devices has done anything for `quietMs`.
 * @throws Error naming the restless ones, after 90 s
 */
export async function quiet(devices: readonly Device[], quietMs: number): Promise<void> {
  if (devices.length === 0) return
  const startMs = performance.now()
  let changedMs = startMs
  let last = devices.map(({ disk }) => readText(disk))
  let restless = new Set<string>()
  while (performance.now() - changedMs < quietMs) {
    await sleep(Math.min(POLL_MS, quietMs))
    const now = devices.map(({ disk }) => readText(disk))
    const changed = devices.filter((_, i) => now[i] !== last[i])
    if (changed.length > 0) {
      changedMs = performance.now()
      restless = new Set(changed.map(({ name }) => name))
    }
    last = now
    if (performance.now() - startMs > QUIET_DEADLINE_MS) throw new Error(`no ${quietMs} ms of quiet within 90 s: ${[...restless].join(', ')} went on`)
  }
}

/** @throws Error with both figures when the trace and the disk's own count differ by more than 1 %, or events were lost */
export function assertAgreement(device: string, { bios, requests, lost }: BlockCounts, disk: DiskStat): void {
  if (lost > 0) throw new Error(`the trace of ${device} lost ${lost} events`)
  for (const kind of ['writtenBytes', 'readBytes'] as const) {
    for (const [stage, counted] of [['bios', bios[kind]], ['requests', requests[kind]]] as const) {
      if (Math.abs(counted - disk[kind]) <= TOLERANCE * disk[kind]) continue
      throw new Error(`${device} is not counted right: ${kind} by its ${stage} ${counted}, by the disk itself ${disk[kind]}`)
    }
  }
}

function readText(disk: string): string {
  return readFileSync(`/sys/block/${disk}/stat`, 'utf8')
}
