/** Reads the records of a batch field by field; what would lie beyond the end is an error. */

export class RecordCursor {
  readonly #buffer: Buffer
  at: number

  constructor(buffer: Buffer, at = 0) {
    this.#buffer = buffer
    this.at = at
  }

  skipByte(): void {
    if (this.at >= this.#buffer.length) throw endsWithinRecord()
    this.at += 1
  }

  /** Zigzag, 32 bits. */
  varint(): number {
    const byte = this.#buffer[this.at]
    if (byte === undefined || byte >= 0x80) return this.#longVarint()
    this.at += 1
    return (byte >>> 1) ^ -(byte & 1)
  }

  /** Zigzag, 64 bits; exact up to 2^52, which no time comes near. */
  varlong(): number {
    let raw = 0
    for (let factor = 1; factor <= 2 ** 63; factor *= 128) {
      const byte = this.#byte()
      raw += (byte & 0x7f) * factor
      if (byte < 0x80) return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
    }
    throw damaged('a number is longer than 64 bits')
  }

  /** Of a number that was read before, of either size. */
  skipVarint(): void {
    while (this.#byte() >= 0x80) { /* it ends below */ }
  }

  /** A slice; null for the length -1. */
  bytes(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    const from = this.#skip(length)
    return this.#buffer.subarray(from, this.at)
  }

  skipBytes(): void {
    this.#skip(Math.max(0, this.varint()))
  }

  text(): string {
    const from = this.#skip(Math.max(0, this.varint()))
    return this.#buffer.toString('utf8', from, this.at)
  }

  /** Passes a text, and tells whether it is this one, of ASCII. */
  isText(text: string): boolean {
    const from = this.#skip(Math.max(0, this.varint()))
    if (this.at - from !== text.length) return false
    for (let index = 0; index < text.length; index++) if (this.#buffer[from + index] !== text.charCodeAt(index)) return false
    return true
  }

  #longVarint(): number {
    let raw = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte()
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1)
    }
    throw damaged('a number is longer than 32 bits')
  }

  #byte(): number {
    const byte = this.#buffer[this.at]
    if (byte === undefined) throw endsWithinRecord()
    this.at += 1
    return byte
  }

  #skip(length: number): number {
    const from = this.at
    if (length > this.#buffer.length - from) throw damaged('a field is longer than its record batch')
    this.at += length
    return from
  }
}

export function damaged(how: string): RangeError {
  return new RangeError(`The broker's answer is damaged: ${how}.`)
}

function endsWithinRecord(): RangeError {
  return damaged('a record batch ends within a record')
}
