/** A part of the benchmark that can be asked for by name. */
import type { Metric } from '../../result.ts'
import type { VariantFigures, WriteFigures } from '../report/variant-figures.ts'

export interface World {
  /** The whole load, where the usual run makes do with a part of it. */
  full: boolean
  /** Whether a variant or experiment of this name was asked for. */
  wants(name: string): boolean
  /** Tells of progress. */
  log(line: string): void
  /** What block events are replayed on. */
  arrays: WriteFigures['arrays']
}

export interface Outcome {
  variants: VariantFigures[]
  metrics: Metric[]
  notes: string[]
}

export interface Experiment {
  /** Every name that it can be asked for by. */
  names: string[]
  /** Measures what is wanted of it. Rejects when rows that are read back are not what was written. */
  run(world: World): Promise<Outcome>
}

export function nothing(): Outcome {
  return { variants: [], metrics: [], notes: [] }
}
