/** Reads the binary COPY format apart (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"). */

/** Signature (11 bytes), flags and length of the header's extension. */
const HEADER_BYTES = 19

/**
 * The tuples of a stream by one of their columns, a uuid, as lower-case text; tuples with the same key one after the
 * other, as they stand. `key` is the column's place.
 * @throws RangeError when the stream ends early
 */
export function tuplesByKey(stream: Buffer, key: number): Map<string, Buffer> {
  const tuples = new Map<string, Buffer>()
  for (let at = HEADER_BYTES; stream.readInt16BE(at) >= 0; ) {
    const tuple = readTuple(stream, at, key)
    const before = tuples.get(tuple.key)
    const bytes = stream.subarray(at, tuple.end)
    tuples.set(tuple.key, before ? Buffer.concat([before, bytes]) : bytes)
    at = tuple.end
  }
  return tuples
}

function readTuple(stream: Buffer, start: number, key: number): { key: string; end: number } {
  const fields = stream.readInt16BE(start)
  let at = start + 2
  let text = ''
  for (let field = 0; field < fields; field++) {
    const length = stream.readInt32BE(at)
    if (field === key) text = uuidText(stream, at + 4)
    at += 4 + Math.max(0, length)
  }
  return { key: text, end: at }
}

function uuidText(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
