/**
 * The steps of a compiled writer that are more than a store. Each writes at `at` and tells where it ended; what does not
 * fit is not written, but its end is told all the same, so that one look at the last end is enough.
 */
import { avro } from './bounded-avsc.ts'

/** A zigzag varint of one byte has 6 bits for the number, of two bytes 13. */
const MAX_IN_1_BYTE = 63
const MAX_IN_2_BYTES = 8191

/** A UTF-16 unit takes at most three bytes of UTF-8. */
const MAX_BYTES_OF_UNIT = 3

/** Up to here a loop is faster than a call into native code. */
const FEW_UNITS = 12

const stringType = avro.Type.forSchema('string')

export function writeText(bytes: Buffer, at: number, text: string): number {
  const units = text.length
  if (units > MAX_IN_2_BYTES || at + 2 + units * MAX_BYTES_OF_UNIT > bytes.length) return writeAnyText(bytes, at, text)
  if (units <= FEW_UNITS) return writeFewUnits(bytes, at, text)
  const start = units <= MAX_IN_1_BYTE ? at + 1 : at + 2
  // As many bytes as units: ASCII, and the place for its length was the right one.
  if (bytes.write(text, start, 'utf8') !== units) return writeAnyText(bytes, at, text)
  writeLong(bytes, at, units)
  return start + units
}

function writeFewUnits(bytes: Buffer, at: number, text: string): number {
  const start = at + 1
  for (let n = 0; n < text.length; n++) {
    const unit = text.charCodeAt(n)
    if (unit > 127) return writeAnyText(bytes, at, text)
    bytes[start + n] = unit
  }
  bytes[at] = text.length * 2
  return start + text.length
}

/** By avsc, whose bytes for lone surrogates depend on the length. */
function writeAnyText(bytes: Buffer, at: number, text: string): number {
  const end = at <= bytes.length ? stringType.encode(text, bytes, at) : -1
  return end < 0 ? bytes.length + 1 : end
}

/** A safe integer as zigzag varint. */
export function writeLong(bytes: Buffer, at: number, number: number): number {
  if (number === (number | 0)) return writeVarint(bytes, at, ((number << 1) ^ (number >> 31)) >>> 0)
  let rest = number >= 0 ? number * 2 : -number * 2 - 1
  for (; rest > 0xffff_ffff; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 128
  return writeVarint(bytes, at, rest)
}

function writeVarint(bytes: Buffer, at: number, number: number): number {
  for (; number > 127; number >>>= 7) bytes[at++] = (number & 127) | 128
  bytes[at] = number
  return at + 1
}

export function writeBytes(bytes: Buffer, at: number, value: Buffer): number {
  const end = at + value.length
  if (end <= bytes.length) bytes.set(value, at)
  return end
}

export function writeFloat(bytes: Buffer, at: number, value: number): number {
  if (at + 4 <= bytes.length) bytes.writeFloatLE(value, at)
  return at + 4
}

export function writeDouble(bytes: Buffer, at: number, value: number): number {
  if (at + 8 <= bytes.length) bytes.writeDoubleLE(value, at)
  return at + 8
}

/** @throws Error always: the value at this place of the schema is none of its type */
export function refuse(path: string, wanted: string, value: unknown): never {
  throw new Error(`${path} takes ${wanted}, not ${kindOf(value)}`)
}

function kindOf(value: unknown): string {
  if (typeof value === 'number') return `the number ${value}`
  if (typeof value !== 'object') return typeof value
  if (Buffer.isBuffer(value)) return `a buffer of ${value.length} bytes`
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object'
}
