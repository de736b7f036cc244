import { percentile } from '../percentile.ts'

/** The middle one; of an even number the lower of the two. */
export function median(values: number[]): number {
  return percentile(values, 0.5)
}
