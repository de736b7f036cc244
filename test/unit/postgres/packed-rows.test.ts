import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CopyWriter } from '#runtime/postgres/copy-binary.ts'
import { column, onePerRow, severalPerRow, type CopyTable } from '#runtime/postgres/copy-table.ts'
import { RowPacker } from '#runtime/postgres/packed-rows.ts'

interface Kept { name: string }
interface Row extends Kept { n: number; offset: number; text: string; parts: number[] }
type Ids = Map<string, number>

const N = column<Row, unknown, 'int4'>('n', 'int4', ({ n }) => n)
const OFFSET = column<Row, unknown, 'int8'>('kafka_offset', 'int8', ({ offset }) => offset)
const TEXT = column<Row, unknown, 'text'>('text', 'text', ({ text }) => text)
const NAME = column<Kept, Ids, 'int2'>('name', 'int2', ({ name }, ids) => ids.get(name) ?? null)
const PART = column<number, unknown, 'int4'>('part', 'int4', (part) => part)
const PROVENANCE = { provenance: ['kafka_offset'] }
const IDS: Ids = new Map([['a', 7]])

const packer = (): RowPacker<Row, Kept, Ids> => new RowPacker<Row, Kept, Ids>().one('one', [N, OFFSET, TEXT], [NAME], PROVENANCE).several('several', [PART], ({ parts }) => parts)

/** In the order in which packed rows have their columns. */
const plainTables: CopyTable<Row, Ids>[] = [onePerRow<Row, Ids>('one', [N, TEXT, OFFSET, NAME], PROVENANCE), severalPerRow<Row, number, Ids>('several', [PART], ({ parts }) => parts)]

function written(write: (writer: CopyWriter) => void): string {
  const chunks: Buffer[] = []
  const writer = new CopyWriter(Buffer.alloc(100), (filled, bytes) => {
    chunks.push(filled.subarray(5))
    return Buffer.alloc(Math.max(100, bytes))
  })
  write(writer)
  return Buffer.concat([...chunks, writer.end().subarray(5)]).toString('hex')
}

const rowOf = (n: number, over: Partial<Row> = {}): Row => ({ n, offset: n + 1, text: `text ${n}`, name: 'a', parts: [n, n + 1], ...over })
const bytesOf = (table: CopyTable<any, Ids>, row: unknown): [string, string] =>
  [written((writer) => table.write(writer, row, IDS)), written((writer) => table.writeContent(writer, row, IDS))]

test('packed rows are written as the rows would be, whole and without what says where they came from', () => {
  const packing = packer()
  const { tables } = packing
  const rows = [rowOf(1), rowOf(2, { parts: [] }), rowOf(3, { name: 'unknown' }), rowOf(4, { text: 'é'.repeat(200_000) }), rowOf(5)]
  const packed = rows.map((row) => packing.pack(row, { name: row.name }))
  // All are packed before the first is written: none may lie in memory that a later one is written to.
  for (const [place, table] of tables.entries()) {
    assert.deepEqual([table.columns, table.content], [plainTables[place]!.columns, plainTables[place]!.content])
    packed.forEach((row, n) => assert.deepEqual(bytesOf(table, row), bytesOf(plainTables[place]!, rows[n]), `${table.name} ${n}`))
  }
  assert.deepEqual(packed.map((row) => tables[1]!.has(row)), [true, false, true, true, true])
})

test('a row that has no form in its columns does not spoil the next', () => {
  const rows = packer()
  assert.throws(() => rows.pack(rowOf(2 ** 40), { name: 'a' }), RangeError)
  assert.throws(() => rows.pack(rowOf(1, { text: 'x'.repeat(100_000), parts: [0.5] }), { name: 'a' }), RangeError)
  const packed = rows.pack(rowOf(6), { name: 'a' })
  assert.deepEqual(rows.tables.map((table) => bytesOf(table, packed)), plainTables.map((table) => bytesOf(table, rowOf(6))))
})

test('a row of some tuples takes the memory that these take', () => {
  // n 8 bytes, text 4 + 6, offset 12; two tuples of 2 + 8. Numbered fields are not among them.
  assert.equal(packer().pack(rowOf(1), { name: 'a' }).bytes.length, 8 + 10 + 12 + 20)
})
