/** A logarithmic axis over whole decades. */
export interface LogScale {
  /** Where the axis begins and ends, powers of ten. */
  from: number
  to: number
  /** 0 at `from`, 1 at `to`; what lies outside is put at the nearer end. */
  position(value: number): number
  /** At most so many powers of ten, evenly spaced. */
  ticks(most: number): number[]
}

/**
 * An axis on which every value from `least` on has a place, the smallest with a bar that can be seen. Zero has no place on it,
 * and less than `least` is not worth a longer axis.
 */
export function logScale(values: Iterable<number>, least = 0): LogScale {
  const exponents = [...values].filter((value) => value > 0 && Number.isFinite(value)).map((value) => Math.log10(Math.max(value, least)))
  const [first, last] = exponents.length === 0 ? [0, 1] : decades(Math.min(...exponents), Math.max(...exponents), Math.log10(least))
  return {
    from: powerOfTen(first), to: powerOfTen(last),
    position: (value) => (value > 0 ? Math.min(Math.max((Math.log10(value) - first) / (last - first), 0), 1) : 0),
    ticks: (most) => tickExponents(first, last, most).map(powerOfTen),
  }
}

/** A smallest value in the first tenth of its decade would have hardly a bar: the axis begins one earlier, but not before `least`. */
function decades(smallest: number, largest: number, least: number): [number, number] {
  const decade = Math.floor(smallest)
  const first = Math.max(smallest - decade < 0.1 ? decade - 1 : decade, Math.floor(least))
  return [first, Math.max(Math.ceil(largest), first + 1)]
}

function tickExponents(first: number, last: number, most: number): number[] {
  const step = Math.ceil((last - first + 1) / Math.max(most, 1))
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step)
}

/** `10 ** -5` is not the number that is written 0.00001. */
function powerOfTen(exponent: number): number {
  return Number(`1e${exponent}`)
}
