/** What other languages and old records rely on. */
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { avro, type Type } from '#runtime/avro/bounded-avsc.ts'

const SCHEMAS = join(import.meta.dirname, '..', '..', 'schemas')
const RELEASED = join(SCHEMAS, 'released')

type Node = string | Node[] | { type: Node; name?: string; doc?: string; fields?: Field[]; items?: Node; values?: Node }
interface Field { name: string; type: Node; doc?: string }

const schemaFiles = readdirSync(SCHEMAS).filter((name) => name.endsWith('.avsc'))
const read = (path: string): Node => JSON.parse(readFileSync(path, 'utf8'))

function* nodes(schema: Node): Generator<Exclude<Node, string | Node[]>> {
  if (typeof schema === 'string') return
  if (Array.isArray(schema)) return yield* schema.flatMap((branch) => [...nodes(branch)])
  yield schema
  if (typeof schema.type !== 'string') yield* nodes(schema.type)
  for (const field of schema.fields ?? []) yield* nodes(field.type)
  if (schema.items) yield* nodes(schema.items)
  if (schema.values) yield* nodes(schema.values)
}

for (const file of schemaFiles) {
  test(`${file} is valid, and every record and field in it has a doc`, () => {
    const schema = read(join(SCHEMAS, file))
    avro.Type.forSchema(schema as never)
    for (const node of nodes(schema)) {
      if (node.type !== 'record') continue
      for (const field of node.fields!) assert.ok(field.doc, `${node.name}.${field.name} has no doc`)
    }
  })

  test(`no array or map in ${file} has items of zero bytes, which a short record could announce without end`, () => {
    const empty = new Set(['null'])
    for (const { items, values } of nodes(read(join(SCHEMAS, file)))) {
      for (const member of [items, values]) {
        if (member === undefined) continue
        assert.ok(!empty.has(member as string))
        if (typeof member === 'object' && !Array.isArray(member) && member.type === 'record') assert.ok(member.fields!.length > 0)
      }
    }
  })
}

for (const topic of readdirSync(RELEASED)) {
  for (const version of new Set(readdirSync(join(RELEASED, topic)).map((name) => name.split('.')[0]!))) {
    test(`records of ${topic} that were written with schema ${version} can still be read`, () => {
      const writer: Type = avro.Type.forSchema(read(join(RELEASED, topic, `${version}.avsc`)) as never)
      const reader: Type = avro.Type.forSchema(read(join(SCHEMAS, `${topic}.avsc`)) as never)
      const bytes = readFileSync(join(RELEASED, topic, `${version}.bin`))
      const value = reader.fromBuffer(bytes, reader.createResolver(writer)) as { assetId: string }
      assert.equal(value.assetId, '0192f0c1-0000-7000-8000-000000000001')
    })
  }
}

test('every schema has bytes of its released version', () => {
  assert.deepEqual(readdirSync(RELEASED).sort(), schemaFiles.map((name) => name.replace('.avsc', '')).sort())
})
