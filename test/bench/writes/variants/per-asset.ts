/** Figures of a variant, summed over the devices of the database and divided by its assets. */
import type { DeviceFigures, RaidBounds, VariantFigures } from '../report/variant-figures.ts'

/** Devices that the database lies on; Kafka's log is counted apart. */
const DATABASE = ['data', 'wal'] as const

/** Member-disk requests an asset: lower and upper bound. Undefined where no device could be seen. */
export function requestsPerAsset(figures: VariantFigures, array: string): { gathered: number; immediate: number } | undefined {
  const bounds = devicesOf(figures)?.map(({ raid5 }) => raid5[array]!)
  if (!bounds) return undefined
  const sum = (of: keyof RaidBounds): number => bounds.reduce((total, bound) => total + bound[of].requests, 0) / figures.assets
  return { gathered: sum('gathered'), immediate: sum('immediate') }
}

/** Bytes an asset that the file systems wrote to the devices of the database, before parity. */
export function bytesPerAsset(figures: VariantFigures): number | undefined {
  const devices = devicesOf(figures)
  return devices && devices.reduce((total, { bios }) => total + bios.bytes, 0) / figures.assets
}

/** All bytes that the window wrote; without devices those of WAL and pages. */
export function writtenBytes(figures: VariantFigures): number | undefined {
  const onDevices = bytesPerAsset(figures)
  if (onDevices !== undefined) return onDevices * figures.assets
  return 'absent' in figures.wal || 'absent' in figures.pages ? undefined : figures.wal.bytes + figures.pages.bytes
}

function devicesOf({ devices }: VariantFigures): DeviceFigures[] | undefined {
  const found = DATABASE.map((name) => devices[name]).filter((device): device is DeviceFigures => device !== undefined && !('absent' in device))
  return found.length === DATABASE.length ? found : undefined
}
