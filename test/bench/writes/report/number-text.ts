/** Numbers as people read them: three digits, and no more than three digits of noise. */

const DIGITS = 3
const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const SHORT = new Intl.NumberFormat('en', { maximumSignificantDigits: DIGITS, notation: 'compact' })
const FRACTION = new Intl.NumberFormat('en', { maximumSignificantDigits: DIGITS, maximumFractionDigits: 9 })

/** Values between a lower and an upper bound; one figure is both. */
export interface Range {
  low: number
  high: number
}

export function numberText(value: number): string {
  return Math.abs(value) >= 100 ? WHOLE.format(value) : FRACTION.format(value)
}

/** `0.004–0.015`, or one number where both read the same. */
export function rangeText({ low, high }: Range): string {
  const [from, to] = [numberText(low), numberText(high)]
  return from === to ? from : `${from}–${to}`
}

/** For an axis: `0.001`, `100`, `10K`, `1M`. */
export function tickText(value: number): string {
  return value < 1 ? FRACTION.format(value) : SHORT.format(value)
}
