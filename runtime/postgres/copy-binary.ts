/**
 * Rows in Postgres' binary COPY format (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"):
 * a signature, then per row a 16-bit field count and per field a 32-bit length and the bytes, -1 for NULL, and -1 as
 * field count at the end. All numbers are big-endian. Field bytes are what each type's `*_recv` function reads.
 *
 * The bytes go into fixed chunks, each headed by the five bytes of a CopyData message, so a full chunk is one write
 * to the socket and nothing is copied twice.
 */

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')

/** CopyData: 'd' and a length that counts itself. */
const COPY_DATA = 0x64
const FRAME_BYTES = 5

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
  bytea: Uint8Array
  text: string
  /** Unix milliseconds. */
  timestamptz: number
  /** IEEE 754 half precision, little-endian, two bytes a number. */
  halfvec: Uint8Array
  'text[]': readonly string[]
}

export type PgType = keyof PgValues


/** Writes fields one after the other; a chunk boundary may fall anywhere. */
export class CopyWriter {
  readonly #next: (filled: Buffer, needBytes: number) => Buffer
  #chunk: Buffer
  #at = FRAME_BYTES

  /** `next` takes over a framed chunk and gives another of at least `needBytes`. */
  constructor(first: Buffer, next: (filled: Buffer, needBytes: number) => Buffer) {
    this.#chunk = first
    this.#next = next
  }

  begin(): void {
    this.raw(SIGNATURE)
  }

  row(fields: number): void {
    this.#room(2)
    this.#at = this.#chunk.writeInt16BE(fields, this.#at)
  }

  /** The framed rest, with the trailer. The writer is not used after it. */
  end(): Buffer {
    this.row(-1)
    return this.#framed()
  }

  null(): void {
    this.#room(4)
    this.#at = this.#chunk.writeInt32BE(-1, this.#at)
  }

  uuid(value: string): void {
    this.#head(16)
    const hex = value.length === 36 ? value.slice(0, 8) + value.slice(9, 13) + value.slice(14, 18) + value.slice(19, 23) + value.slice(24) : ''
    if (this.#chunk.write(hex, this.#at, 16, 'hex') !== 16) throw new TypeError(`not a uuid: ${value.slice(0, 40)}`)
    this.#at += 16
  }

  uuidBytes(value: Uint8Array): void {
    if (value.length !== 16) throw new TypeError(`a uuid has 16 bytes, not ${value.length}`)
    this.bytea(value)
  }

  int2(value: number): void {
    this.#head(2)
    this.#at = this.#chunk.writeInt16BE(value, this.#at)
  }

  int4(value: number): void {
    this.#head(4)
    this.#at = this.#chunk.writeInt32BE(value, this.#at)
  }

  int8(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`not a safe integer: ${value}`)
    this.#head(8)
    const high = Math.floor(value / 0x1_0000_0000)
    this.#at = this.#chunk.writeInt32BE(high, this.#at)
    this.#at = this.#chunk.writeUInt32BE(value - high * 0x1_0000_0000, this.#at)
  }

  bool(value: boolean): void {
    this.#head(1)
    this.#at = this.#chunk.writeUInt8(value ? 1 : 0, this.#at)
  }

  float4(value: number): void {
    this.#head(4)
    this.#at = this.#chunk.writeFloatBE(value, this.#at)
  }

  bytea(value: Uint8Array): void {
    this.#head(value.length)
    this.raw(value)
  }

  text(value: string): void {
    // Three bytes bound the UTF-8 form of one UTF-16 unit; the true length is known afterwards.
    this.#room(4 + value.length * 3)
    const length = this.#chunk.write(value, this.#at + 4, 'utf8')
    this.#chunk.writeInt32BE(length, this.#at)
    this.#at += 4 + length
  }

  timestamptz(value: number): void {
    this.int8(Math.round((value - POSTGRES_EPOCH_MS) * 1000))
  }

  /** `halfvec_recv`: 16-bit dimensions, 16-bit zero, then the numbers, big-endian. */
  halfvec(value: Uint8Array): void {
    if (value.length % 2 !== 0) throw new TypeError(`half-precision numbers have 2 bytes: ${value.length} are odd`)
    this.#head(4 + value.length)
    this.#at = this.#chunk.writeUInt16BE(value.length / 2, this.#at)
    this.#at = this.#chunk.writeUInt16BE(0, this.#at)
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

  /** Bytes without a length before them. */
  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#chunk.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** A field's length, with room for the field itself. */
  #head(length: number): void {
    this.#room(4 + length)
    this.#at = this.#chunk.writeInt32BE(length, this.#at)
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#chunk.length) return
    this.#chunk = this.#next(this.#framed(), FRAME_BYTES + bytes)
    this.#at = FRAME_BYTES
  }

  #framed(): Buffer {
    this.#chunk[0] = COPY_DATA
    this.#chunk.writeInt32BE(this.#at - 1, 1)
    return this.#chunk.subarray(0, this.#at)
  }
}
