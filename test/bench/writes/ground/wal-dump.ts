/** WAL by resource manager, as `pg_waldump --stats` counts it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, lastLines } from '#stack/command.ts'
import type { PostgresCounts } from '../layers.ts'
import { readSegments, segmentName } from './wal-segments.ts'

type ByManager = PostgresCounts['walByManager']

export interface WalDump {
  /** Where the last whole record ends. */
  end: string
  byManager: ByManager
}

const HEADER = /^Type\s+N\s+\(%\)\s+Record size\s+\(%\)\s+FPI size/m
const ROW = /^(\S+) +(\d+) +\( *[\d.]+\) +(\d+) +\( *[\d.]+\) +(\d+) +\( *[\d.]+\) +\d+ +\( *[\d.]+\)$/gm

const DEADLINE_MS = 120_000
const POLL_MS = 1_000
/** One segment: less is left for later. */
const WORTH_BYTES = 16n * 2n ** 20n
/** The longest header of a page: WAL that has only grown by it holds no record. */
const PAGE_HEADER_BYTES = 40n

/**
 * The table that the tool prints:
 *
 *     WAL statistics between 0/1800028 and 0/1A00100:
 *     Type      N      (%)   Record size      (%)   FPI size      (%)   Combined size      (%)
 *     Heap2   280 ( 34.23)       2050000 ( 98.1)       8192 ( 50.00)         2058192 ( 97.75)
 *
 * @throws Error when it is not that table
 */
export function parseWalDump(text: string): WalDump {
  const end = /^WAL statistics between \S+ and ([0-9A-F]+\/[0-9A-F]+):$/m.exec(text)?.[1]
  const total = /^Total +(\d+) /m.exec(text)?.[1]
  const rows = [...text.matchAll(ROW)].map(([, manager, ...counts]) => ({ manager: manager!, counts: counts.map(Number) as [number, number, number] }))
  const records = rows.reduce((sum, row) => sum + row.counts[0], 0)
  if (end === undefined || !HEADER.test(text) || Number(total) !== records) throw new Error(`not the statistics of pg_waldump: ${text.slice(0, 200)}`)
  const used = rows.filter((row) => row.counts[0] > 0)
  return { end, byManager: Object.fromEntries(used.map(({ manager, counts: [count, recordBytes, imageBytes] }) =>
    [manager, { records: count, bytes: recordBytes + imageBytes, imageBytes }])) }
}

/** A place in the WAL, `16/B374D848`, in bytes. */
export function walBytes(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/')
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`)
}

export function addTo(sum: ByManager, more: ByManager): void {
  for (const [manager, { records, bytes, imageBytes }] of Object.entries(more)) {
    const old = sum[manager] ?? { records: 0, bytes: 0, imageBytes: 0 }
    sum[manager] = { records: old.records + records, bytes: old.bytes + bytes, imageBytes: old.imageBytes + imageBytes }
  }
}

export interface WalReading {
  /** Reads what there is now. */
  catchUp(): Promise<void>
  /** All since the beginning, read to the WAL's end now. */
  finish(): Promise<ByManager>
  stop(): void
}

/**
 * Reads the WAL while it is written, since a checkpoint in the middle may take away what is behind it.
 * @param position where the WAL on the disk ends now
 */
export function readWal(binaries: string, walFolder: string, start: string, position: () => Promise<string>): WalReading {
  const byManager: ByManager = {}
  let at = start
  let last: Promise<void> = Promise.resolve()
  const advance = async (worthBytes: bigint): Promise<void> => {
    const end = await position()
    if (walBytes(end) - walBytes(at) <= worthBytes) return
    const dump = await dumpWal(binaries, walFolder, at, end)
    addTo(byManager, dump.byManager)
    at = dump.end
  }
  const next = (worthBytes: bigint): Promise<void> => (last = last.catch(() => undefined).then(() => advance(worthBytes)))
  if (!existsSync(join(binaries, 'pg_waldump'))) return { catchUp: async () => undefined, finish: async () => ({}), stop: () => undefined }
  // One that fails, as in the middle of a record longer than a segment, is made up for by the next, or fails `finish` too.
  const timer = setInterval(() => void next(WORTH_BYTES).catch(() => undefined), POLL_MS)
  return {
    catchUp: () => next(PAGE_HEADER_BYTES),
    finish: async () => {
      clearInterval(timer)
      await next(PAGE_HEADER_BYTES)
      return byManager
    },
    stop: () => clearInterval(timer),
  }
}

/** The segments are named: else the tool learns their size from whichever file comes first, which may be a ready, empty one. */
async function dumpWal(binaries: string, walFolder: string, start: string, end: string): Promise<WalDump> {
  const { bytes } = await readSegments(walFolder)
  const [first, last] = [walBytes(start), walBytes(end) - 1n].map((byte) => segmentName(Number(byte / BigInt(bytes)), bytes))
  const args = ['--stats', '--path', walFolder, '--start', start, '--end', end, first!, last!]
  const { code, stdout, stderr } = await attempt(join(binaries, 'pg_waldump'), args, { timeoutMs: DEADLINE_MS })
  if (code !== 0) throw new Error(`the WAL from ${start} to ${end} could not be read: ${lastLines(stderr, 3)}`)
  return parseWalDump(stdout)
}
