import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineTopic } from '#runtime/api.ts'
import { avro } from '#runtime/avro/bounded-avsc.ts'
import { openCodec } from '#runtime/avro/codec.ts'
import { frame, schemaIdOf } from '#runtime/avro/wire.ts'
import { MemoryRegistry, registryOf } from '#runtime/memory/memory-registry.ts'
import { noteTaken } from '#test/support/sample-stage.ts'

test('the wire format is a zero byte, the schema id in four bytes, the body', () => {
  assert.equal(frame(258, Buffer.from('ab')).toString('hex'), '00000001026162')
  assert.equal(schemaIdOf(Buffer.from('00000001026162', 'hex')), 258)
})

test('values survive the way to bytes and back, without asking the registry', async () => {
  const registry = await registryOf([noteTaken])
  const codec = await openCodec(registry, [noteTaken])
  const note = { id: 'a', text: 'ä€' }
  assert.deepEqual({ ...codec.decode(noteTaken, codec.encode(noteTaken, note)) }, note)
  assert.equal(registry.lookups, 0)
})

test('values of any size survive the way to bytes and back', async () => {
  const codec = await openCodec(await registryOf([noteTaken]), [noteTaken])
  for (const length of [0, 63, 64, 5_000, 65_500, 65_536, 70_000, 300_000]) {
    const note = { id: 'a', text: 'x'.repeat(length) }
    assert.deepEqual({ ...codec.decode(noteTaken, codec.encode(noteTaken, note)) }, note)
  }
})

test('values of a type that has no writer and reader of its own survive too, of any size', async () => {
  const branch = (name: string, field: string): object => ({ type: 'record', name, fields: [{ name: field, type: 'string' }] })
  const chosen = defineTopic<{ id: string; either: unknown }>({
    ...noteTaken, keyOf: ({ id }) => id,
    schema: { type: 'record', name: 'Chosen', fields: [{ name: 'id', type: 'string' }, { name: 'either', type: [branch('A', 'a'), branch('B', 'b')] }] },
  })
  const codec = await openCodec(await registryOf([chosen]), [chosen])
  for (const length of [1, 70_000]) {
    const value = { id: 'x', either: { B: { b: 'y'.repeat(length) } } }
    assert.deepEqual(JSON.parse(JSON.stringify(codec.decode(chosen, codec.encode(chosen, value)))), value)
  }
})

test('a value that its schema does not take is rejected, and says where', async () => {
  const codec = await openCodec(await registryOf([noteTaken]), [noteTaken])
  assert.throws(() => codec.encode(noteTaken, { id: 'a', text: 5 } as never), { name: 'Reject', code: 'record.invalid-output', message: /text takes string, not the number 5/ })
})

test('an encoded value has memory of its own', async () => {
  const codec = await openCodec(await registryOf([noteTaken]), [noteTaken])
  const first = codec.encode(noteTaken, { id: 'a', text: 'first' })
  codec.encode(noteTaken, { id: 'b', text: 'other' })
  assert.deepEqual({ ...codec.decode(noteTaken, first) }, { id: 'a', text: 'first' })
})

test('a value of an older schema is read with the defaults of the new one, and its schema is fetched once', async () => {
  const registry = await registryOf([noteTaken])
  const grown = defineTopic<{ id: string; text: string; stars: number }>({
    ...noteTaken, name: 'note.taken', keyOf: (note) => note.id,
    schema: { ...noteTaken.schema, fields: [...(noteTaken.schema as { fields: object[] }).fields, { name: 'stars', type: 'int', default: 3 }] },
  })
  await registry.register('note.taken-value', grown.schema)
  const old = await openCodec(registry, [noteTaken])
  const current = await openCodec(registry, [grown])
  const bytes = old.encode(noteTaken, { id: 'a', text: 'x' })
  const values = await Promise.all([1, 2, 3].map(() => current.decode(grown, bytes)))
  for (const value of values) assert.deepEqual({ ...value }, { id: 'a', text: 'x', stars: 3 })
  assert.equal(registry.lookups, 1)
})

test('a value of another schema is rejected as incompatible', async () => {
  const registry = await registryOf([noteTaken])
  const other = { type: 'record', name: 'Other', namespace: 'test', fields: [{ name: 'n', type: 'int' }] }
  const id = await registry.register('other-value', other)
  const codec = await openCodec(registry, [noteTaken])
  await assert.rejects(async () => codec.decode(noteTaken, frame(id, Buffer.from([2]))), { name: 'Reject', code: 'record.incompatible-schema' })
})

test('an unknown schema id is asked about once, however many records name it', async () => {
  const registry = await registryOf([noteTaken])
  const codec = await openCodec(registry, [noteTaken])
  for (let n = 0; n < 5; n++) {
    await assert.rejects(async () => codec.decode(noteTaken, frame(77, Buffer.from([2]))), { code: 'record.unknown-schema' })
  }
  assert.equal(registry.lookups, 1)
})

test('a stage does not start while its schema is not registered', async () => {
  await assert.rejects(openCodec(new MemoryRegistry(), [noteTaken]), { name: 'Halt', code: 'registry.not-registered' })
})

test('an array or map that announces more items than there are bytes is refused at once', () => {
  // 2^50 as a zigzag varint, then nothing.
  const huge = Buffer.from('80808080808080808004'.replace(/(..)/g, '$1'), 'hex').subarray(0, 9)
  for (const schema of [{ type: 'array', items: 'string' }, { type: 'map', values: 'string' }]) {
    const startedMs = performance.now()
    assert.throws(() => avro.Type.forSchema(schema as never).fromBuffer(Buffer.concat([Buffer.from('8080808080808004', 'hex'), huge])), /announces|truncated/)
    assert.ok(performance.now() - startedMs < 50)
  }
})

test('blocks with a byte size, as other writers make them, are read', () => {
  // One block of -2 items (two items, size follows): size 2 bytes, items 3 and 4, end.
  const block = Buffer.from([0x03, 0x04, 0x06, 0x08, 0x00])
  assert.deepEqual(avro.Type.forSchema({ type: 'array', items: 'int' }).fromBuffer(block), [3, 4])
})

test('a map key that would change an object\'s prototype is refused', () => {
  const type = avro.Type.forSchema({ type: 'map', values: 'string' })
  const evil = Buffer.concat([Buffer.from([0x02, 0x12]), Buffer.from('__proto__'), Buffer.from([0x02, 0x78, 0x00])])
  assert.throws(() => type.fromBuffer(evil), /__proto__/)
})
