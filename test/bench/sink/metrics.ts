/** What is told of one kind of row, and what is to be reached. */
import type { Metric } from '../result.ts'
import type { ConnectRun } from './connect/connect-run.ts'
import type { SinkRun } from './sink-run.ts'

export interface Rates {
  run: SinkRun
  /** From Kafka Connect's topic into its table. */
  flat: SinkRun
  copyPerSecond: number
  insertPerSecond: number
  connect: ConnectRun
}

/** Targets hold for the real row; a narrow one is told for comparison. */
export function metricsOf(name: string, rates: Rates): Metric[] {
  return name === 'real' ? withTargets(rates) : plain(rates).map((metric) => ({ ...metric, name: `${name}_${metric.name}` }))
}

function withTargets(rates: Rates): Metric[] {
  const [copyRatio, rowsPerSecond, connectRatio, ...others] = plain(rates)
  return [atLeast(0.7, copyRatio!), atLeast(40_000, rowsPerSecond!), atLeast(3, connectRatio!), ...others]
}

function plain({ run, flat, copyPerSecond, insertPerSecond, connect }: Rates): Metric[] {
  return [
    { name: 'copy_ratio', value: run.rowsPerSecond / copyPerSecond, unit: '' },
    against('rows_per_s', run.rowsPerSecond, copyPerSecond),
    { name: 'connect_ratio', value: flat.rowsPerSecond / connect.rowsPerSecond, unit: '' },
    { name: 'connect_rows_per_s', value: connect.rowsPerSecond, unit: '/s' },
    { name: 'flat_rows_per_s', value: flat.rowsPerSecond, unit: '/s' },
    against('flat_rows_per_cpu_s', flat.rowsPerCpuSecond, connect.rowsPerCpuSecond),
    { name: 'insert_ratio', value: run.rowsPerSecond / insertPerSecond, unit: '' },
    { name: 'insert_rows_per_s', value: insertPerSecond, unit: '/s' },
    against('rows_per_cpu_s', run.rowsPerCpuSecond, connect.rowsPerCpuSecond),
  ]
}

function against(name: string, value: number, baseline: number): Metric {
  return { name, value, unit: '/s', baseline, ratio: value / baseline }
}

function atLeast(target: number, metric: Metric): Metric {
  return { ...metric, target: `≥ ${target.toLocaleString('en')}`, met: metric.value >= target }
}
