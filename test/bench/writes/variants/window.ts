/** One measured window on the ground, as the report takes it. */
import type { Ground } from '../ground/ground.ts'
import { DEVICES, type BlockCounts, type DeviceName, type Layers } from '../layers.ts'
import { replayBounds } from '../raid5/bounds.ts'
import type { Absent, BlockCost, DeviceFigures, VariantFigures, WriteFigures } from '../report/variant-figures.ts'
import { onSession } from '../subjects/session.ts'
import { countingStatements } from './statements.ts'

const PAGE_BYTES = 8_192

export interface WindowWork {
  databaseUrl: string
  write(): Promise<void>
  settle(): Promise<void>
  /** Slows the work. */
  systemCalls?: boolean
}

export interface Window {
  layers: Layers
  statements: number
  rows: number
}

/** Writes and settles inside a window of the ground. */
export async function measureWindow(ground: Ground, { databaseUrl, write, settle, systemCalls = false }: WindowWork): Promise<Window> {
  const before = await changedRows(databaseUrl)
  let statements = 0
  const layers = await ground.measure(async () => void (statements = await countingStatements(write)), { settle, systemCalls })
  return { layers, statements, rows: (await changedRows(databaseUrl)) - before }
}

export type Labels = Pick<VariantFigures, 'name' | 'about' | 'design' | 'rowsPerCommit' | 'preloadedRows' | 'assets'>

/** The window's figures. Its block events are replayed here and not kept. */
export function figuresOf(labels: Labels, { layers, statements, rows }: Window, arrays: WriteFigures['arrays']): VariantFigures {
  const { postgres, systemCalls, block } = layers
  const { checkpointer, backgroundWriter, backends, vacuum } = postgres.pagesWritten
  const pages = checkpointer + backgroundWriter + backends + vacuum
  return {
    ...labels,
    sql: { statements, rows, commits: postgres.commits },
    wal: { requests: postgres.wal.records, bytes: postgres.wal.bytes, fullPageImages: postgres.wal.fullPageImages },
    pages: { requests: pages, bytes: pages * PAGE_BYTES },
    systemCalls: costOfCalls(systemCalls),
    devices: Object.fromEntries(DEVICES.flatMap((device) => deviceFigures(device, block, arrays))),
    notes: processNotes(layers),
  }
}

function deviceFigures(device: DeviceName, block: Layers['block'], arrays: WriteFigures['arrays']): [DeviceName, DeviceFigures | Absent][] {
  if (isAbsent(block)) return device === 'kafka' ? [] : [[device, block]]
  const counts = block[device]
  return counts === undefined ? [] : [[device, costOfDevice(counts, arrays)]]
}

function costOfDevice({ bios, requests, events }: BlockCounts, arrays: WriteFigures['arrays']): DeviceFigures {
  return {
    bios: costOfBlock(bios),
    requests: costOfBlock(requests),
    raid5: Object.fromEntries(arrays.map(({ name, array }) => [name, replayBounds(events, array)])),
  }
}

function costOfBlock({ reads, writes, flushes, writtenBytes }: BlockCounts['bios']): BlockCost {
  return { requests: reads + writes, bytes: writtenBytes, flushes }
}

/** Times `factor`, when they were counted for fewer assets. */
export function costOfCalls(systemCalls: Layers['systemCalls'], factor = 1): VariantFigures['systemCalls'] {
  if (isAbsent(systemCalls)) return systemCalls
  const calls = Object.values(systemCalls.calls)
  return { requests: factor * calls.reduce((sum, { count }) => sum + count, 0), bytes: factor * calls.reduce((sum, { bytes }) => sum + bytes, 0) }
}

/** Where no device can be seen, what processes made dirty is the closest. */
function processNotes({ processes, block }: Layers): string[] {
  if (!isAbsent(block) || isAbsent(processes)) return []
  const mebibytes = (processes.postgres.dirtiedBytes / 2 ** 20).toFixed(1)
  return [`/proc/PID/io: the server's processes made ${mebibytes} MiB of pages dirty.`]
}

function isAbsent(layer: object): layer is Absent {
  return 'absent' in layer
}

/** Rows inserted, changed and deleted so far in the tables of the database. */
async function changedRows(databaseUrl: string): Promise<number> {
  const text = 'select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::float8 as rows from pg_stat_user_tables'
  return onSession(databaseUrl, async (client) => (await client.query<{ rows: number }>(text)).rows[0]!.rows)
}
