/** Oracle: avsc's own readers. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { avro, type Type } from '#runtime/avro/bounded-avsc.ts'
import { compileReader } from '#runtime/avro/compiled-reader.ts'
import { clusteredAsset, clusteredVideo } from '#test/support/clustered-assets.ts'
import { EVERYTHING } from './everything.ts'

const SCHEMAS = new URL('../../../schemas/', import.meta.url)
const typeOf = (schema: unknown): Type => avro.Type.forSchema(schema as never)
const schemaNamed = (name: string): Type => typeOf(JSON.parse(readFileSync(new URL(name, SCHEMAS), 'utf8')))

/** avsc's records have constructors of their own. */
function plain(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
}

const read = (schema: unknown, hex: string): unknown => compileReader(typeOf(schema), { slices: false })!(Buffer.from(hex, 'hex'), 0)

const types = readdirSync(SCHEMAS).filter((each) => each.endsWith('.avsc')).map((name) => ({ name, type: schemaNamed(name) }))

for (const { name, type } of [...types, { name: 'a schema of everything', type: typeOf(EVERYTHING) }]) {
  test(`values of ${name} are read as avsc reads them`, () => {
    const reader = compileReader(type, { slices: false })!
    for (let n = 0; n < 100; n++) {
      const bytes = type.toBuffer(type.random())
      assert.deepEqual(plain(reader(bytes, 0)), plain(type.fromBuffer(bytes)))
    }
  })
}

test('bytes that were damaged are an error, or the value that avsc makes of them', () => {
  const type = schemaNamed('asset.clustered.avsc')
  const reader = compileReader(type, { slices: true })!
  const whole = [clusteredAsset(1), clusteredVideo(2, 3)].map((asset) => type.toBuffer(asset))
  const change = fc.record({ at: fc.nat(10_000), byte: fc.nat(255) })
  fc.assert(fc.property(fc.constantFrom(...whole), fc.array(change, { maxLength: 3 }), fc.option(fc.nat(10_000)), (original, changes, length) => {
    const bytes = Buffer.from(original.subarray(0, length ?? original.length))
    for (const { at, byte } of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte
    let value: unknown
    try {
      value = reader(bytes, 0)
    } catch {
      return
    }
    assert.deepEqual(plain(value), plain(type.fromBuffer(bytes)))
  }), { numRuns: 3_000 })
})

test('a value that is cut off at any place is an error', () => {
  const type = schemaNamed('asset.clustered.avsc')
  const reader = compileReader(type, { slices: true })!
  const bytes = type.toBuffer(clusteredAsset(3))
  for (let length = 0; length < bytes.length; length++) assert.throws(() => reader(bytes.subarray(0, length), 0), `${length} bytes`)
  assert.throws(() => reader(Buffer.concat([bytes, Buffer.from([0])]), 0), /bytes after the value/)
})

test('numbers beyond their type are refused, those at its edge are read', () => {
  // Zigzag: 2^31 - 1 is fe ff ff ff 0f, 2^31 is 80 80 80 80 10; 2^53 - 1 is fe and six ff, 1f; 2^53 is seven times 80 and 20.
  assert.equal(read('int', 'feffffff0f'), 2_147_483_647)
  assert.throws(() => read('int', '8080808010'), /32 bits/)
  assert.equal(read('long', 'feffffffffffff1f'), Number.MAX_SAFE_INTEGER)
  assert.throws(() => read('long', '8080808080808020'), /2\^53/)
  assert.throws(() => read('long', '80'.repeat(20)), /64 bits/)
})

test('a block that announces more items than bytes are left is refused, one with its size is read', () => {
  assert.throws(() => read({ type: 'array', items: 'int' }, '8080808080808004'), /announces/)
  assert.throws(() => read({ type: 'map', values: 'string' }, 'c0de0f'), /announces/)
  // Two items in two bytes, 3 and 4, then the end.
  assert.deepEqual(read({ type: 'array', items: 'int' }, '0304060800'), [3, 4])
})

test('a map key that would change an object\'s prototype, an unknown branch and an unknown symbol are refused', () => {
  assert.throws(() => read({ type: 'map', values: 'string' }, `0212${Buffer.from('__proto__').toString('hex')}027800`), /__proto__/)
  assert.throws(() => read(['null', 'int'], '0402'), /no branch 2/)
  assert.throws(() => read({ type: 'enum', name: 'E', symbols: ['a', 'b'] }, '04'), /no symbol 2/)
  assert.throws(() => read({ type: 'enum', name: 'E', symbols: ['a', 'b'] }, '01'), /no symbol -1/)
})

test('a type that holds itself is read', () => {
  const list = { type: 'record', name: 'List', fields: [{ name: 'n', type: 'int' }, { name: 'rest', type: ['null', 'List'] }] }
  assert.deepEqual(read(list, '02020400'), { n: 1, rest: { n: 2, rest: null } })
})

test('a value that is cut off is not followed into the records behind it', () => {
  const list = { type: 'record', name: 'List', fields: [{ name: 'rest', type: ['null', 'List'] }] }
  // A list of a million lists, of which two belong to the record.
  const memory = Buffer.alloc(1_000_000, 2)
  assert.throws(() => compileReader(typeOf(list), { slices: true })!(memory.subarray(0, 2), 0), /cut off/)
})

test('a length below zero is refused', () => {
  for (const type of ['string', 'bytes']) assert.throws(() => read(type, '01'), /cut off/)
})

test('a union with named branches is left to avsc', () => {
  const record = (name: string): object => ({ type: 'record', name, fields: [{ name: 'n', type: 'int' }] })
  assert.equal(compileReader(typeOf({ type: 'record', name: 'R', fields: [{ name: 'either', type: [record('A'), record('B')] }] }), { slices: false }), undefined)
})

test('bytes are slices of the record when asked for, and copies otherwise', () => {
  const record = Buffer.from('04aabb', 'hex')
  const [slice, copy] = [true, false].map((slices) => compileReader(typeOf('bytes'), { slices })!(record, 0) as Buffer)
  record[1] = 0xcc
  assert.deepEqual([slice!.toString('hex'), copy!.toString('hex')], ['ccbb', 'aabb'])
})
