/**
 * avsc believes the item count on the wire: ten bytes that announce 2^50 items keep it busy for ever (the class of
 * CVE-2023-39410). Here its array and map readers are replaced by ones that refuse a block with more items than
 * there are bytes left, which holds for every schema whose items take at least one byte; a contract test checks
 * that ours do. Import avsc from here only.
 */
import avro, { type Type } from 'avsc'

/** The parts of avsc's reading cursor that are used here (avsc 5.7, lib/utils.js). */
interface Tap {
  buf: Buffer
  pos: number
  readLong(): number
  skipLong(): void
  readString(): string
}
interface Readable { _read(tap: Tap): unknown }

function readBlockSize(tap: Tap): number {
  let count = tap.readLong()
  if (count < 0) {
    count = -count
    tap.skipLong()
  }
  const left = tap.buf.length - tap.pos
  if (!(count <= left)) throw new Error(`a block announces ${count} items in ${left} bytes`)
  return count
}

function readArray(this: { itemsType: Readable }, tap: Tap): unknown[] {
  const items: unknown[] = []
  for (let count = readBlockSize(tap); count > 0; count = readBlockSize(tap)) {
    while (count-- > 0) items.push(this.itemsType._read(tap))
  }
  return items
}

function readMap(this: { valuesType: Readable }, tap: Tap): Record<string, unknown> {
  const entries: Record<string, unknown> = {}
  for (let count = readBlockSize(tap); count > 0; count = readBlockSize(tap)) {
    while (count-- > 0) {
      const key = tap.readString()
      if (key === '__proto__') throw new Error('a map has the key __proto__')
      entries[key] = this.valuesType._read(tap)
    }
  }
  return entries
}

const types = (avro as unknown as { types: Record<string, { prototype: object }> }).types
Object.assign(types['ArrayType']!.prototype, { _read: readArray })
Object.assign(types['MapType']!.prototype, { _read: readMap })

export { avro, type Type }
