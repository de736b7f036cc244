/** The Confluent wire format: one zero byte, the schema id as unsigned 32-bit big-endian, the Avro body. */
import { Reject } from '../errors.ts'

export const HEADER_BYTES = 5

/** Writes the first `HEADER_BYTES` of a value. */
export function writeHeader(target: Buffer, schemaId: number): void {
  target[0] = 0
  target.writeUInt32BE(schemaId, 1)
}

export function frame(schemaId: number, body: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(HEADER_BYTES + body.length)
  writeHeader(framed, schemaId)
  framed.set(body, HEADER_BYTES)
  return framed
}

/** The schema id at the head of a value. @throws Reject `record.bad-magic` */
export function schemaIdOf(value: Buffer): number {
  if (value.length < HEADER_BYTES || value[0] !== 0) {
    throw new Reject('record.bad-magic', `The value begins with ${value.subarray(0, HEADER_BYTES).toString('hex') || 'nothing'}, not with a schema id.`)
  }
  return value.readUInt32BE(1)
}
