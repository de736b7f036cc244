/** A variant, layer by layer from the statement down to the disk, per asset. */
import { DEVICES, type DeviceName } from '../layers.ts'
import type { RaidCost } from '../raid5/array.ts'
import type { Range } from './number-text.ts'
import type { Absent, BlockCost, Cost, DeviceFigures, VariantFigures, WriteFigures } from './variant-figures.ts'

/** `database` is data and WAL together. */
export type Scope = 'server' | DeviceName | 'database'
export type Layer = 'sql' | 'wal' | 'pages' | 'calls' | 'bios' | 'requests' | 'raid5'

export interface LayerLine {
  layer: Layer
  scope: Scope
  /** Of a RAID5 line. */
  array?: string
  label: string
  /** What is counted: statements, records, bios. */
  unit: string
  /** Per asset. */
  requests?: Range
  /** Written, per asset. Of RAID5 those on the members, with parity. */
  bytes?: Range
  flushes?: Range
  /** Why nothing is known. */
  absent?: string
}

const SCOPES: Record<Scope, string> = { server: 'server', data: 'data', wal: 'WAL', kafka: 'Kafka', database: 'data + WAL' }
/** The devices that the database's rows cost; Kafka's log is a line of its own. */
const DATABASE: readonly DeviceName[] = ['data', 'wal']

export function layerLines(variant: VariantFigures, arrays: WriteFigures['arrays']): LayerLine[] {
  return [...serverLines(variant), ...deviceLines(variant, arrays)]
}

/** The line that `layer` has in `scope`, on `array` where it is RAID5's. */
export function findLine(lines: readonly LayerLine[], layer: Layer, scope: Scope, array?: string): LayerLine | undefined {
  return lines.find((line) => line.layer === layer && line.scope === scope && line.array === array)
}

export function isAbsent(layer: object): layer is Absent {
  return 'absent' in layer
}

function serverLines({ sql, wal, pages, systemCalls, assets }: VariantFigures): LayerLine[] {
  const line = (layer: Layer, label: string, unit: string, cost: Cost | { requests: number } | Absent): LayerLine => ({ layer, scope: 'server', label, unit, ...perAsset(cost, assets) })
  return [
    line('sql', 'SQL', 'statements', isAbsent(sql) ? sql : { requests: sql.statements }),
    line('wal', 'WAL', 'records', wal),
    line('pages', 'Pages of 8 kB', 'pages', pages),
    line('calls', 'System calls', 'calls', systemCalls),
  ]
}

function perAsset(cost: Cost | BlockCost | { requests: number } | Absent, assets: number): Partial<LayerLine> {
  if (isAbsent(cost)) return { absent: cost.absent }
  return {
    requests: exactly(cost.requests / assets),
    ...('bytes' in cost ? { bytes: exactly(cost.bytes / assets) } : {}),
    ...('flushes' in cost ? { flushes: exactly(cost.flushes / assets) } : {}),
  }
}

function deviceLines({ devices, assets }: VariantFigures, arrays: WriteFigures['arrays']): LayerLine[] {
  const absent = DEVICES.flatMap((name) => absentLine(name, devices[name]))
  const seen = DEVICES.flatMap((scope) => scopeOf(scope, [scope], devices))
  const database = scopeOf('database', DATABASE, devices)
  // Each layer with all its scopes, so that neighbours compare.
  return [
    ...absent,
    ...[...seen, ...database].map(({ scope, figures }) => blockLine('bios', 'Before merging', scope, figures, assets)),
    ...[...seen, ...database].map(({ scope, figures }) => blockLine('requests', 'After merging', scope, figures, assets)),
    ...arrays.flatMap(({ name }) => [...seen, ...database].map(({ scope, figures }) => raidLine(name, scope, figures, assets))),
  ]
}

interface Scoped {
  scope: Scope
  figures: DeviceFigures[]
}

/** Nothing when one of the devices was not seen: a sum of what is left would be a lie. */
function scopeOf(scope: Scope, names: readonly DeviceName[], devices: VariantFigures['devices']): Scoped[] {
  const figures = names.map((name) => devices[name]).filter((device): device is DeviceFigures => device !== undefined && !isAbsent(device))
  return figures.length === names.length ? [{ scope, figures }] : []
}

function absentLine(scope: DeviceName, device: DeviceFigures | Absent | undefined): LayerLine[] {
  if (device === undefined || !isAbsent(device)) return []
  return [{ layer: 'bios', scope, label: `Block device, ${SCOPES[scope]}`, unit: 'bios', absent: device.absent }]
}

function blockLine(layer: 'bios' | 'requests', label: string, scope: Scope, figures: DeviceFigures[], assets: number): LayerLine {
  const cost = figures.map((each) => each[layer]).reduce((a, b) => ({ requests: a.requests + b.requests, bytes: a.bytes + b.bytes, flushes: a.flushes + b.flushes }))
  return { layer, scope, label: `${label}, ${SCOPES[scope]}`, unit: layer, ...perAsset(cost, assets) }
}

function raidLine(array: string, scope: Scope, figures: DeviceFigures[], assets: number): LayerLine {
  const label = `RAID5 ${array}, ${SCOPES[scope]}`
  const bounds = figures.map(({ raid5 }) => raid5[array])
  if (!bounds.every((bound) => bound !== undefined)) return { layer: 'raid5', scope, array, label, unit: 'member requests', absent: 'not replayed' }
  const range = (of: (cost: RaidCost) => number): Range => {
    const sums = [bounds.reduce((sum, { gathered }) => sum + of(gathered), 0), bounds.reduce((sum, { immediate }) => sum + of(immediate), 0)].map((sum) => sum / assets)
    // Gathering longer may, rarely, cost more: the bounds are what they are, whichever is lower.
    return { low: Math.min(...sums), high: Math.max(...sums) }
  }
  return { layer: 'raid5', scope, array, label, unit: 'member requests', requests: range((cost) => cost.requests), bytes: range((cost) => cost.total.bytesWritten), flushes: range((cost) => cost.total.flushes) }
}

function exactly(value: number): Range {
  return { low: value, high: value }
}
