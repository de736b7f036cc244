/** Oracle: avsc's own writers. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { avro, type Type } from '#runtime/avro/bounded-avsc.ts'
import { compileWriter } from '#runtime/avro/compiled-writer.ts'
import { clusteredAsset, clusteredVideo } from '#test/support/clustered-assets.ts'
import { EVERYTHING } from './everything.ts'

const SCHEMAS = new URL('../../../schemas/', import.meta.url)
const typeOf = (schema: unknown): Type => avro.Type.forSchema(schema as never)

const target = Buffer.alloc(200_000, 0xee)

/** What comes of a value: its bytes in hexadecimal, or that it was refused. */
function outcomeOf(write: () => Uint8Array): string {
  try {
    return Buffer.from(write()).toString('hex')
  } catch (error) {
    assert.ok(error instanceof Error)
    return 'refused'
  }
}

/** Holds a value's outcome against that of avsc. */
function comparison(type: Type): (value: unknown) => void {
  const write = compileWriter(type, target)!
  return (value) => assert.equal(outcomeOf(() => target.subarray(7, write(value, 7))), outcomeOf(() => type.toBuffer(value)))
}

/** Of any type and at the edges of their ranges; but for the names that avsc takes for symbols of any enum. */
const odd = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, true, -0, 1.5, NaN, Infinity, '', '\ud800', 'red', 5n, Symbol('s'), comparison, new Date(0), new Map(), [], [null], [,], {}, { a: 1 }, { a: 'x' }),
  fc.constantFrom(63, 64, -64, -65, 8191, 8192, 2 ** 30, -(2 ** 30) - 1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32, 2 ** 48, 2 ** 53 - 2, 2 ** 53 - 1, -(2 ** 53) + 2, -(2 ** 53) + 1, 2 ** 53, 1e300),
  fc.maxSafeInteger(), fc.double(), fc.string({ unit: 'binary', maxLength: 80 }).filter((text) => !(text in {})),
  fc.constantFrom(Buffer.alloc(0), Buffer.from('abc'), Buffer.alloc(32, 1), new Uint8Array(32)),
)

/** Walks down by the picks and puts the odd value there, or takes the field away. */
function spoilt(value: unknown, picks: number[], change: { odd: unknown } | 'gone'): unknown {
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return change === 'gone' ? undefined : change.odd
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
  const keys = Object.keys(copy)
  if (keys.length === 0 || picks.length === 0) return change === 'gone' ? undefined : change.odd
  const key = keys[picks[0]! % keys.length]!
  if (change === 'gone' && picks.length === 1) delete copy[key]
  else copy[key] = spoilt(copy[key], picks.slice(1), change)
  return copy
}

const types = globSync('{*.avsc,released/*/*.avsc}', { cwd: SCHEMAS }).sort().map((name) => ({ name, type: typeOf(JSON.parse(readFileSync(new URL(name, SCHEMAS), 'utf8'))) }))

for (const { name, type } of [...types, { name: 'a schema of everything', type: typeOf(EVERYTHING) }]) {
  test(`values of ${name} are written as avsc writes them, and refused as it refuses them`, () => {
    const values = Array.from({ length: 20 }, () => type.random())
    const compare = comparison(type)
    for (const value of values) compare(value)
    const change = fc.oneof({ weight: 9, arbitrary: fc.record({ odd }) }, { weight: 1, arbitrary: fc.constant('gone' as const) })
    fc.assert(fc.property(fc.constantFrom(...values), fc.array(fc.nat(1_000), { maxLength: 5 }), change, (value, picks, changed) => {
      compare(spoilt(value, picks, changed))
    }), { numRuns: 1_000 })
  })
}

for (const primitive of ['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes']) {
  test(`any value is ${primitive} or is not, as for avsc`, () => {
    fc.assert(fc.property(odd, comparison(typeOf(primitive))), { numRuns: 3_000 })
  })
}

test('texts of any length are written as avsc writes them, lone surrogates too', () => {
  const compare = comparison(typeOf('string'))
  for (const letter of ['a', '\u007f', '\u0080', 'ä', '€', '😀', '\ud800', '\udc00']) {
    for (const length of [0, 1, 11, 12, 13, 20, 21, 22, 31, 32, 33, 63, 64, 65, 2_730, 2_731, 8_190, 8_191, 8_192, 30_000]) {
      compare(letter.repeat(length))
      compare(`${'a'.repeat(length)}${letter}`)
    }
  }
})

test('a value that does not fit ends behind the target, wherever that ends', () => {
  for (const value of [clusteredAsset(3), clusteredVideo(4, 2), { ...clusteredAsset(5), assetId: 'ä'.repeat(5_000) }]) {
    const type = types.find(({ name }) => name === 'asset.clustered.avsc')!.type
    const { length } = type.toBuffer(value)
    for (let size = 0; size < length + 3; size += size < 200 || size > length - 20 ? 1 : 17) {
      const end = compileWriter(type, Buffer.alloc(size))!(value, 0)
      assert.equal(end <= size, size >= length, `${size} bytes for ${length}`)
    }
  }
})

test('a type that holds itself is written', () => {
  const list = { type: 'record', name: 'List', fields: [{ name: 'n', type: 'int' }, { name: 'rest', type: ['null', 'List'], default: null }] }
  const end = compileWriter(typeOf(list), target)!({ n: 1, rest: { n: 2 } }, 0)
  // 1, branch 1, 2, branch 0.
  assert.equal(target.subarray(0, end).toString('hex'), '02020400')
})

test('what is refused is told by its place', () => {
  const write = compileWriter(typeOf(EVERYTHING), target)!
  assert.throws(() => write({ d: 'x' }, 0), { message: 'd takes double, not string' })
  assert.throws(() => write({ d: 1, l: [{}] }, 0), { message: 'an item of l takes null or long, not an object' })
  assert.throws(() => write({ d: 1, l: 1, f: Buffer.alloc(2) }, 0), { message: 'f takes fixed, not a buffer of 2 bytes' })
})

test('a symbol that is no symbol is refused, even when objects have something of this name', () => {
  const write = compileWriter(typeOf({ type: 'enum', name: 'E', symbols: ['a', 'b'] }), target)!
  assert.equal(target.subarray(0, write('b', 0)).toString('hex'), '02')
  for (const none of ['c', 'toString', ['a'], null, undefined]) assert.throws(() => write(none, 0), /takes enum/)
})

test('a union with named branches is left to avsc', () => {
  const record = (name: string): object => ({ type: 'record', name, fields: [{ name: 'n', type: 'int' }] })
  assert.equal(compileWriter(typeOf([record('A'), record('B')]), target), undefined)
})
