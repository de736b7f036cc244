/** What one window of work cost, layer by layer. A layer that this machine does not let us see is absent, and says why. */
import type { BlockEvent } from './block-event.ts'

/** The devices of the ground: each has a file system of its own. */
export const DEVICES = ['data', 'wal', 'kafka'] as const
export type DeviceName = (typeof DEVICES)[number]

/** Layer 1 and 2: what Postgres counts of itself between the window's ends. */
export interface PostgresCounts {
  /**
   * pg_stat_database, of all databases but the server's own `postgres`, less one for each session's start. Transactions that
   * only read count too.
   */
  commits: number
  /** pg_stat_wal. */
  wal: { records: number; fullPageImages: number; bytes: number; buffersFull: number }
  /**
   * 8 kB pages of relations. Written: pg_stat_checkpointer, and pg_stat_io by who wrote them to make room; `vacuum` is
   * whatever VACUUM wrote, whoever ran it. `extended`: pg_stat_io, pages added to files, which are written later once more.
   */
  pagesWritten: { checkpointer: number; backgroundWriter: number; backends: number; vacuum: number; extended: number }
  /** pg_waldump --stats: bytes (records and images) by resource manager. Empty when the tool is missing. */
  walByManager: Record<string, { records: number; bytes: number; imageBytes: number }>
}

/** By name: pwrite64, pwritev, write, fdatasync, fsync, sync_file_range, fallocate. */
export type CallCounts = Record<string, { count: number; bytes: number }>

/** Layer 3: of the server's processes (and the broker's), on files of the ground. Counted in a run of its own, since tracing slows. */
export interface SystemCalls {
  calls: CallCounts
  byDevice: Partial<Record<DeviceName, CallCounts>>
}

/**
 * Beside layer 3, from /proc/PID/io of all processes of a server, those that ended included: the closest to a device that
 * can be seen without privileges. It counts pages when they first become dirty, not when, how often or how they are written.
 */
export interface ProcessWrites {
  /** `write_bytes` less `cancelled_write_bytes`. */
  dirtiedBytes: number
  /** `wchar`: bytes given to write calls, those to pipes and sockets included. */
  callBytes: number
  /** `read_bytes`: fetched from the device. */
  readBytes: number
}

/** Layer 4, of one device: from the trace. A window is only valid when `DiskStat` agrees with it. */
export interface BlockCounts {
  bios: { reads: number; writes: number; flushes: number; readBytes: number; writtenBytes: number }
  /** After merging (`block:block_rq_issue`). */
  requests: { reads: number; writes: number; flushes: number; readBytes: number; writtenBytes: number }
  events: BlockEvent[]
  /** Events that the kernel's buffer had no room for; a window with any is not valid. */
  lost: number
}

/** What /sys/block/DEVICE/stat counted: requests that completed. */
export interface DiskStat { reads: number; writes: number; flushes: number; discards: number; readBytes: number; writtenBytes: number; discardedBytes: number }

export interface Layers {
  postgres: PostgresCounts
  systemCalls: SystemCalls | { absent: string }
  processes: { postgres: ProcessWrites; kafka?: ProcessWrites } | { absent: string }
  /** Absent without devices of our own, or without a trace. */
  block: Partial<Record<DeviceName, BlockCounts>> | { absent: string }
  /** Absent without devices of our own. */
  disks: Partial<Record<DeviceName, DiskStat>> | { absent: string }
}
