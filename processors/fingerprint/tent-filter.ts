/**
 * Blur by two passes of a box filter along rows and columns (a tent, after Wojciech Jarosz: "Fast Image Convolutions"),
 * then one sample from the middle of each cell. Running sums make the cost independent of the window.
 */

/** One channel, rows from the top. */
export interface Plane {
  width: number
  height: number
  values: Float32Array
}

const PASSES = 2

/** A `side` x `side` reduction. Works in place: the plane's values are lost. */
export function shrink(plane: Plane, side: number): Float32Array {
  const { width, height, values } = plane
  const scratch = new Float32Array(values.length)
  for (let pass = 0; pass < PASSES; pass++) {
    blurRows(values, scratch, width, height, windowFor(width, side))
    blurColumns(scratch, values, width, height, windowFor(height, side))
  }
  return decimate(plane, side)
}

/** Two passes of half a cell each cover one cell. */
function windowFor(length: number, side: number): number {
  return Math.ceil(length / (2 * side))
}

/** Samples before the centre of the window, and after it; an even window reaches further ahead. */
function reach(window: number): { behind: number; ahead: number } {
  const ahead = Math.floor((window + 2) / 2) - 1
  return { behind: window - ahead - 1, ahead }
}

/** At the borders the mean is over the samples that exist. */
function blurRows(from: Float32Array, to: Float32Array, width: number, height: number, window: number): void {
  const { behind, ahead } = reach(window)
  for (let start = 0; start < from.length && height > 0; start += width) {
    let sum = 0
    let count = 0
    for (let x = 0; x < Math.min(ahead, width); x++, count++) sum += from[start + x]!
    for (let x = 0; x < width; x++) {
      if (x + ahead < width) { sum += from[start + x + ahead]!; count++ }
      if (x - behind - 1 >= 0) { sum -= from[start + x - behind - 1]!; count-- }
      to[start + x] = sum / count
    }
  }
}

/** The same down all columns at once, so that memory is read in order. */
function blurColumns(from: Float32Array, to: Float32Array, width: number, height: number, window: number): void {
  const { behind, ahead } = reach(window)
  const sums = new Float64Array(width)
  let count = 0
  const add = (y: number, sign: 1 | -1) => {
    for (let x = 0, at = y * width; x < width; x++, at++) sums[x]! += sign * from[at]!
    count += sign
  }
  for (let y = 0; y < Math.min(ahead, height); y++) add(y, 1)
  for (let y = 0; y < height; y++) {
    if (y + ahead < height) add(y + ahead, 1)
    if (y - behind - 1 >= 0) add(y - behind - 1, -1)
    for (let x = 0, at = y * width; x < width; x++, at++) to[at] = sums[x]! / count
  }
}

function decimate({ width, height, values }: Plane, side: number): Float32Array {
  const out = new Float32Array(side * side)
  for (let row = 0; row < side; row++) {
    const y = Math.floor(((row + 0.5) * height) / side)
    for (let column = 0; column < side; column++) {
      out[row * side + column] = values[y * width + Math.floor(((column + 0.5) * width) / side)]!
    }
  }
  return out
}
