/** Sizes and times of settings, in the units of pg_settings and of the configuration file. */
import type { ServerSetting } from './server-facts.ts'

const KIB = 1024
const BYTES: Record<string, number> = { 'B': 1, 'kB': KIB, '8kB': 8 * KIB, '16kB': 16 * KIB, '32kB': 32 * KIB, 'MB': KIB ** 2, '16MB': 16 * KIB ** 2, 'GB': KIB ** 3 }
const MILLISECONDS: Record<string, number> = { 'us': 0.001, 'ms': 1, 's': 1_000, 'min': 60_000, 'h': 3_600_000, 'd': 86_400_000 }

/** In bytes or milliseconds; a plain number for what has no unit. */
export function amountOf({ value, unit }: Pick<ServerSetting, 'value' | 'unit'>): number {
  return Number(value) * (BYTES[unit ?? ''] ?? MILLISECONDS[unit ?? ''] ?? 1)
}

/** `4GB`, `10s`, as the configuration file takes them. */
export function parseAmount(text: string): number {
  const [, digits = '', unit = ''] = /^(-?\d+)([A-Za-z]*)$/.exec(text) ?? []
  return amountOf({ value: digits, unit: unit === '' ? null : unit })
}
