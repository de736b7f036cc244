/** Zigzag variable-length integers of Kafka's records, for whole numbers up to ±2^52. */

/** Bytes that `writeVarint` takes for this number. */
export function sizeOfVarint(value: number): number {
  let rest = zigzag(value)
  let bytes = 1
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1
  return bytes
}

/** Writes at `at`; the position after it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = zigzag(value)
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[at++] = (rest % 0x80) | 0x80
  target[at] = rest
  return at + 1
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}
