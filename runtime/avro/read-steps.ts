/**
 * The steps of a compiled reader that are not worth a copy in each place. They read at an index and leave in `place.next`
 * where what follows begins: a number of a known object costs less than an object made for two results.
 */

export const place = { next: 0 }

export function cutOff(): Error {
  return new Error('the value is cut off')
}

/** The zigzag varint at `at`; undefined bytes lie beyond the memory. @throws Error beyond 2^53 and after ten bytes */
export function varint(bytes: Uint8Array, at: number): number {
  let raw = 0
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = bytes[at++]!
    raw |= (byte & 127) << shift
    if (byte < 128) {
      place.next = at
      return (raw >>> 1) ^ -(raw & 1)
    }
  }
  return longVarint(bytes, at, raw)
}

/** Goes on after four bytes, where integers of 32 bits do not suffice. */
function longVarint(bytes: Uint8Array, at: number, raw: number): number {
  for (let factor = 2 ** 28; factor <= 2 ** 63; factor *= 128) {
    const byte = bytes[at++]
    if (byte === undefined) throw cutOff()
    raw += (byte & 127) * factor
    if (byte < 128) {
      place.next = at
      return safe(raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2)
    }
  }
  throw new Error('a number is longer than 64 bits')
}

function safe(number: number): number {
  if (!Number.isSafeInteger(number)) throw new Error('a number is beyond 2^53')
  return number
}

export function int32(number: number): number {
  if (number !== (number | 0)) throw new Error('a number is beyond 32 bits')
  return number
}

/** Items of the block that begins at `at`: 0 ends an array or a map. */
export function blockItems(bytes: Uint8Array, at: number, end: number): number {
  let count = varint(bytes, at)
  if (count < 0) {
    count = -count
    varint(bytes, place.next)
  }
  const left = end - place.next
  if (!(count <= left)) throw new Error(`a block announces ${count} items in ${left} bytes`)
  return count
}

export function noBranch(index: number): never {
  throw new Error(`a union has no branch ${index}`)
}

export function mapKey(name: string): string {
  if (name === '__proto__') throw new Error('a map has the key __proto__')
  return name
}

export function symbolAt(symbols: readonly string[], index: number): string {
  const symbol = symbols[index]
  if (symbol === undefined) throw new Error(`an enum has no symbol ${index}`)
  return symbol
}

export function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from)
  bytes.copy(copy, 0, from, to)
  return copy
}
