import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CopyWriter } from '#runtime/postgres/copy-binary.ts'

/** What a writer makes, in chunks of which the first bytes are not its own. */
function written(write: (writer: CopyWriter) => void, chunkBytes = 1_000, from = 5): string {
  const parts: Buffer[] = []
  const take = ({ chunk, at }: CopyWriter): void => void parts.push(chunk.subarray(from, at))
  const writer = new CopyWriter(Buffer.alloc(chunkBytes), from, (full, bytes) => {
    take(full)
    full.moveTo(Buffer.alloc(Math.max(chunkBytes, from + bytes)), from)
  })
  write(writer)
  writer.end()
  take(writer)
  return Buffer.concat(parts).toString('hex')
}

const TRAILER = 'ffff'
const field = (write: (writer: CopyWriter) => void): string => written(write).slice(0, -TRAILER.length)

test('a copy begins with the signature, no flags and no extension, and ends with field count -1', () => {
  assert.equal(written((writer) => writer.begin()), Buffer.from('PGCOPY\n').toString('hex') + 'ff0d0a00' + '00000000' + '00000000' + 'ffff')
})

test('a row is its field count, then length and bytes of each field; NULL is length -1', () => {
  assert.equal(written((writer) => {
    writer.row(2)
    writer.int2(-2)
    writer.null()
  }), '0002' + '00000002fffe' + 'ffffffff' + TRAILER)
})

test('numbers are big-endian, negative ones in two’s complement', () => {
  assert.equal(field((writer) => writer.int4(-1)), '00000004ffffffff')
  assert.equal(field((writer) => writer.int8(1)), '000000080000000000000001')
  assert.equal(field((writer) => writer.int8(-1)), '00000008ffffffffffffffff')
  assert.equal(field((writer) => writer.int8(-4_294_967_297)), '00000008fffffffeffffffff')
  assert.equal(field((writer) => writer.int8(Number.MAX_SAFE_INTEGER)), '00000008001fffffffffffff')
  assert.equal(field((writer) => writer.float4(-0.5)), '00000004bf000000')
  assert.equal(field((writer) => writer.float8(-0.5)), '00000008bfe0000000000000')
  assert.equal(field((writer) => writer.bool(true)), '0000000101')
})

test('a time is microseconds since the year 2000', () => {
  assert.equal(field((writer) => writer.timestamptz(Date.UTC(2000, 0, 1))), '000000080000000000000000')
  assert.equal(field((writer) => writer.timestamptz(Date.UTC(2000, 0, 1) + 0.001)), '000000080000000000000001')
  assert.equal(field((writer) => writer.timestamptz(Date.UTC(1999, 11, 31, 23, 59, 59, 999))), '00000008fffffffffffffc18')
})

test('texts are UTF-8 with their length in bytes', () => {
  assert.equal(field((writer) => writer.text('é€')), '00000005' + 'c3a9e282ac')
  assert.equal(field((writer) => writer.text('')), '00000000')
})

test('a uuid is its sixteen bytes, from text or from bytes', () => {
  const expected = '00000010' + '018bcfe568007abc8def0123456789ab'
  assert.equal(field((writer) => writer.uuid('018bcfe5-6800-7abc-8def-0123456789ab')), expected)
  assert.equal(field((writer) => writer.uuidBytes(Buffer.from('018bcfe568007abc8def0123456789ab', 'hex'))), expected)
})

test('a half-precision vector has its dimensions, zero, and its numbers turned from little- to big-endian', () => {
  assert.equal(field((writer) => writer.halfvec(Buffer.from('003c00c0', 'hex'))), '00000008' + '0002' + '0000' + '3c00' + 'c000')
})

test('an array of texts has one dimension from 1 and the element type text', () => {
  assert.equal(field((writer) => writer['text[]'](['a', ''])),
    '0000001d' + '00000001' + '00000000' + '00000019' + '00000002' + '00000001' + '0000000161' + '00000000')
})

test('values without a form in their type are errors', () => {
  const attempt = (write: (writer: CopyWriter) => void) => () => written(write)
  assert.throws(attempt((writer) => writer.int2(40_000)), RangeError)
  assert.throws(attempt((writer) => writer.int8(2 ** 53)), RangeError)
  assert.throws(attempt((writer) => writer.uuid('not-a-uuid')), TypeError)
  assert.throws(attempt((writer) => writer.uuid('018bcfe5-6800-7abc-8def-0123456789zz')), TypeError)
  assert.throws(attempt((writer) => writer.uuidBytes(Buffer.alloc(15))), TypeError)
  assert.throws(attempt((writer) => writer.halfvec(Buffer.alloc(3))), TypeError)
})

test('chunk borders may fall between any two fields, and a field larger than a chunk gets one of its own', () => {
  const write = (writer: CopyWriter): void => {
    writer.begin()
    for (let n = 0; n < 5; n++) {
      writer.row(3)
      writer.int4(n)
      writer.bytea(Buffer.alloc(100, n))
      writer.text('x'.repeat(n))
    }
  }
  assert.equal(written(write, 64), written(write, 100_000))
  assert.equal(written(write, 64, 0), written(write, 100_000))
})
