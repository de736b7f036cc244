/** Figures of a made-up run: an old design, a cleaned one and ours, with all that a report must cope with. */
import { DEFAULT_ARRAY, type RaidCost } from '../../bench/writes/raid5/array.ts'
import type { DeviceFigures, VariantFigures, WriteFigures } from '../../bench/writes/report/variant-figures.ts'

const ARRAYS: WriteFigures['arrays'] = [
  { name: '4 disks, 64 KiB', array: DEFAULT_ARRAY, gatherUs: 100_000 },
  { name: '4 disks, 512 KiB', array: { ...DEFAULT_ARRAY, chunkBytes: 512 * 1_024, bitmap: null, safeModeDelayUs: null }, gatherUs: 100_000 },
]

/** A replay with so many requests, half of them reads, and so many bytes written. */
export function raidCost(requests: number, bytes: number): RaidCost {
  const total = { reads: requests / 2, writes: requests / 2, flushes: requests / 10, bytesRead: bytes / 2, bytesWritten: bytes }
  return { members: [], total, requests, dataBytes: bytes * 0.75, settledBytes: bytes * 0.75, rows: { full: 0, rmw: 0, rcw: 0 }, bitmapWrites: 0, superblockWrites: 0, discardsIgnored: 0 }
}

/** `lower` and `upper`: member requests on every array. */
export function device({ bios, bytes, lower, upper }: { bios: number; bytes: number; lower: number; upper: number }): DeviceFigures {
  const bounds = { gathered: raidCost(lower, bytes * 4 / 3), immediate: raidCost(upper, bytes * 5 / 3) }
  return {
    bios: { requests: bios, bytes, flushes: bios / 20 },
    requests: { requests: bios / 2, bytes, flushes: bios / 20 },
    raid5: Object.fromEntries(ARRAYS.map(({ name }) => [name, bounds])),
  }
}

export function variant(change: Partial<VariantFigures> & { name: string }): VariantFigures {
  return {
    about: 'items and tags, statements row by row', design: 'old', rowsPerCommit: 100, preloadedRows: 2_000_000, assets: 1_000,
    sql: { statements: 20_000, rows: 12_000, commits: 10 },
    wal: { requests: 30_000, bytes: 9_000_000, fullPageImages: 800 },
    pages: { requests: 5_000, bytes: 40_960_000 },
    systemCalls: { requests: 9_000, bytes: 50_000_000 },
    devices: { data: device({ bios: 6_000, bytes: 41_000_000, lower: 12_000, upper: 24_000 }), wal: device({ bios: 2_000, bytes: 9_000_000, lower: 3_000, upper: 6_000 }) },
    notes: [],
    ...change,
  }
}

export const SAMPLE: WriteFigures = {
  commit: 'abc1234', machine: '2 × Example CPU, 24 GiB', at: '2026-01-31', arrays: ARRAYS, baseline: 'old/preloaded', goals: { requests: [0.02, 0.004], bytes: [3_200, 1_500] }, notes: ['Assets are made from numbers.'],
  variants: [
    variant({ name: 'old/preloaded' }),
    variant({
      name: 'json/preloaded', design: 'cleaned', about: 'one row with raw JSON', rowsPerCommit: 5_000, assets: 10_000,
      sql: { statements: 10_000, rows: 10_000, commits: 2 },
      devices: { data: device({ bios: 9_000, bytes: 90_000_000, lower: 20_000, upper: 36_000 }), wal: device({ bios: 500, bytes: 60_000_000, lower: 900, upper: 1_500 }) },
    }),
    variant({
      name: 'ours/preloaded', design: 'ours', about: 'COPY of whole commits', rowsPerCommit: 100_000, assets: 100_000,
      sql: { statements: 6, rows: 100_000, commits: 1 },
      wal: { requests: 20_000, bytes: 150_000_000, fullPageImages: 0 },
      pages: { requests: 17_000, bytes: 139_264_000 },
      systemCalls: { absent: 'strace is not installed' },
      devices: { data: device({ bios: 400, bytes: 139_264_000, lower: 210, upper: 760 }), wal: device({ bios: 160, bytes: 150_000_000, lower: 200, upper: 750 }) },
      notes: ['Frozen by VACUUM inside the window.'],
    }),
    variant({
      name: 'kafka/lz4', design: 'ours', about: 'what the log costs', preloadedRows: 0,
      sql: { absent: 'no server in this run' }, wal: { absent: 'no server in this run' }, pages: { absent: 'no server in this run' }, systemCalls: { absent: 'strace is not installed' },
      devices: { kafka: device({ bios: 50, bytes: 2_500_000, lower: 60, upper: 90 }) },
    }),
    variant({ name: 'ours/folders', design: 'ours', devices: { data: { absent: 'no privilege to make block devices' }, wal: { absent: 'no privilege to make block devices' } } }),
  ],
}
