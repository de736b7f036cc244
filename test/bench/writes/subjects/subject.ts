/** A design that is measured: its tables, and its way of writing assets into them. */
import type { AssetRange } from '../assets/asset-series.ts'
import type { VariantFigures } from '../report/variant-figures.ts'

export interface Subject {
  name: string
  design: VariantFigures['design']
  /** One line. */
  about: string
  /** Makes the tables in an empty database with assets 0 to `preloaded - 1` in them, at rest: indexed and frozen. Not measured. */
  prepare(databaseUrl: string, preloaded: number): Promise<void>
  /** Writes assets as the design does. Everything is committed when it resolves. */
  write(databaseUrl: string, range: AssetRange, rowsPerCommit: number): Promise<void>
  /** Does now what these rows will cost sooner or later: freezing, and the summaries of indexes. Measured. */
  settle(databaseUrl: string): Promise<void>
  /** What the tables hold of these assets, against what they should. Rejects with the difference. */
  verify(databaseUrl: string, range: AssetRange, stored: number): Promise<void>
}
