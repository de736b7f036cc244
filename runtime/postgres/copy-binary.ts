/**
 * Rows in Postgres' binary COPY format (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"):
 * a signature, then per row a 16-bit field count and per field a 32-bit length and the bytes, -1 for NULL, and -1 as
 * field count at the end. All numbers are big-endian. Field bytes are what each type's `*_recv` function reads.
 *
 * The bytes go straight to where they are sent from, or where they are kept: nothing is copied twice.
 */

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')

/** Microseconds between 1970-01-01 and 2000-01-01, Postgres' epoch. */
const POSTGRES_EPOCH_MS = 946_684_800_000

/** OID of text, the element type of text[]. */
const TEXT_OID = 25

/** JavaScript's form of each type. */
export interface PgValues {
  /** 36 characters. */
  uuid: string
  /** 16 bytes, for a uuid column. */
  uuidBytes: Uint8Array
  int2: number
  int4: number
  /** A safe integer. */
  int8: number
  bool: boolean
  float4: number
  float8: number
  bytea: Uint8Array
  text: string
  /** Unix milliseconds. */
  timestamptz: number
  /** IEEE 754 half precision, little-endian, two bytes a number. */
  halfvec: Uint8Array
  'text[]': readonly string[]
}

export type PgType = keyof PgValues

/** Up to here a loop is faster than the call of what encodes text. */
const SHORT_CHARACTERS = 24

/** Value of a hexadecimal digit by its character code; 255 for all other codes below 128. */
const NIBBLES = new Uint8Array(128).fill(255)
for (const [digit, code] of [...'0123456789abcdef'].map((digit, value) => [value, digit.charCodeAt(0)] as const)) NIBBLES[code] = digit
for (const [digit, code] of [...'ABCDEF'].map((letter, n) => [10 + n, letter.charCodeAt(0)] as const)) NIBBLES[code] = digit

/** Where in the text of a uuid its bytes stand, and where its dashes. */
const UUID_BYTES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const
const UUID_DASHES = [8, 13, 18, 23] as const
const DASH = 0x2d

/** Writes fields one after the other into a chunk; `moveTo` may come between any two of them. */
export class CopyWriter {
  readonly #full: (writer: CopyWriter, bytes: number) => void
  #chunk: Buffer
  #view: DataView
  #at: number

  /** Begins at a place of a chunk. `full` is called when it lacks room, and moves to where there is room for `bytes`. */
  constructor(chunk: Buffer, at: number, full: (writer: CopyWriter, bytes: number) => void) {
    this.#chunk = chunk
    this.#view = viewOf(chunk)
    this.#at = at
    this.#full = full
  }

  get chunk(): Buffer {
    return this.#chunk
  }

  /** Place of the next field in the chunk. */
  get at(): number {
    return this.#at
  }

  /** Goes on at another place. */
  moveTo(chunk: Buffer, at: number): void {
    if (chunk !== this.#chunk) {
      this.#chunk = chunk
      this.#view = viewOf(chunk)
    }
    this.#at = at
  }

  begin(): void {
    this.raw(SIGNATURE)
  }

  row(fields: number): void {
    this.#room(2)
    this.#view.setInt16(this.#at, fields)
    this.#at += 2
  }

  end(): void {
    this.row(-1)
  }

  null(): void {
    this.#room(4)
    this.#view.setInt32(this.#at, -1)
    this.#at += 4
  }

  uuid(value: string): void {
    this.#head(16)
    let bad = value.length === 36 ? 0 : 255
    for (const at of UUID_DASHES) if (value.charCodeAt(at) !== DASH) bad = 255
    for (let byte = 0; byte < 16; byte++) {
      const at = UUID_BYTES[byte]!
      const high = nibble(value.charCodeAt(at))
      const low = nibble(value.charCodeAt(at + 1))
      bad |= high | low
      this.#chunk[this.#at + byte] = (high << 4) | low
    }
    if (bad > 15) throw new TypeError(`not a uuid: ${value.slice(0, 40)}`)
    this.#at += 16
  }

  uuidBytes(value: Uint8Array): void {
    if (value.length !== 16) throw new TypeError(`a uuid has 16 bytes, not ${value.length}`)
    this.bytea(value)
  }

  int2(value: number): void {
    if (value !== (value << 16) >> 16) throw new RangeError(`not a 16-bit integer: ${value}`)
    this.#head(2)
    this.#view.setInt16(this.#at, value)
    this.#at += 2
  }

  int4(value: number): void {
    if (value !== (value | 0)) throw new RangeError(`not a 32-bit integer: ${value}`)
    this.#head(4)
    this.#view.setInt32(this.#at, value)
    this.#at += 4
  }

  int8(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`not a safe integer: ${value}`)
    this.#head(8)
    const high = Math.floor(value / 0x1_0000_0000)
    this.#view.setInt32(this.#at, high)
    this.#view.setUint32(this.#at + 4, value - high * 0x1_0000_0000)
    this.#at += 8
  }

  bool(value: boolean): void {
    this.#head(1)
    this.#chunk[this.#at++] = value ? 1 : 0
  }

  float4(value: number): void {
    this.#head(4)
    this.#view.setFloat32(this.#at, value)
    this.#at += 4
  }

  float8(value: number): void {
    this.#head(8)
    this.#view.setFloat64(this.#at, value)
    this.#at += 8
  }

  bytea(value: Uint8Array): void {
    this.#head(value.length)
    this.raw(value)
  }

  text(value: string): void {
    // Three bytes bound the UTF-8 form of one UTF-16 unit; the true length is known afterwards.
    this.#room(4 + value.length * 3)
    const start = this.#at + 4
    const length = value.length <= SHORT_CHARACTERS && isAsciiWritten(value, this.#chunk, start) ? value.length : this.#chunk.write(value, start, 'utf8')
    this.#view.setInt32(this.#at, length)
    this.#at = start + length
  }

  timestamptz(value: number): void {
    this.int8(Math.round((value - POSTGRES_EPOCH_MS) * 1000))
  }

  /** `halfvec_recv`: 16-bit dimensions, 16-bit zero, then the numbers, big-endian. */
  halfvec(value: Uint8Array): void {
    if (value.length % 2 !== 0) throw new TypeError(`half-precision numbers have 2 bytes: ${value.length} are odd`)
    this.#head(4 + value.length)
    this.#view.setUint16(this.#at, value.length / 2)
    this.#view.setUint16(this.#at + 2, 0)
    this.#at += 4
    this.#chunk.set(value, this.#at)
    this.#chunk.subarray(this.#at, this.#at + value.length).swap16()
    this.#at += value.length
  }

  /** `array_recv`: dimensions, has-null flag, element OID, then per dimension its length and lower bound. */
  'text[]'(values: readonly string[]): void {
    const elements = values.map((value) => Buffer.from(value, 'utf8'))
    this.#head(20 + elements.reduce((sum, { length }) => sum + 4 + length, 0))
    for (const number of [1, 0, TEXT_OID, elements.length, 1]) this.#at = this.#chunk.writeInt32BE(number, this.#at)
    for (const element of elements) {
      this.#at = this.#chunk.writeInt32BE(element.length, this.#at)
      this.#chunk.set(element, this.#at)
      this.#at += element.length
    }
  }

  /** Leaves room for what is known later. */
  skip(bytes: number): void {
    this.#room(bytes)
    this.#at += bytes
  }

  /** Bytes without a length before them. */
  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#chunk.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** The same of a part of them. */
  rawPart(bytes: Buffer, from: number, to: number): void {
    this.#room(to - from)
    bytes.copy(this.#chunk, this.#at, from, to)
    this.#at += to - from
  }

  /** A field's length, with room for the field itself. */
  #head(length: number): void {
    this.#room(4 + length)
    this.#view.setInt32(this.#at, length)
    this.#at += 4
  }

  #room(bytes: number): void {
    if (this.#at + bytes > this.#chunk.length) this.#full(this, bytes)
  }
}

function viewOf(chunk: Buffer): DataView {
  return new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}

function nibble(code: number): number {
  return code < 128 ? NIBBLES[code]! : 255
}

/** False when the text holds more than ASCII; what was written then is written over. */
function isAsciiWritten(text: string, target: Buffer, at: number): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 127) return false
    target[at + index] = code
  }
  return true
}
