import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CopyWriter } from '#runtime/postgres/copy-binary.ts'
import { column, onePerRow, type CopyTable } from '#runtime/postgres/copy-table.ts'
import { RowPacker, type PackedRow } from '#runtime/postgres/packed-rows.ts'

interface Row { n: number; offset: number; text: string; name: string; parts: number[] }
interface Packed extends PackedRow { n: number }
type Ids = Map<string, number>

const N = column<Row, unknown, 'int4'>('n', 'int4', ({ n }) => n)
const OFFSET = column<Row, unknown, 'int8'>('kafka_offset', 'int8', ({ offset }) => offset)
const TEXT = column<Row, unknown, 'text'>('text', 'text', ({ text }) => text)
const PART = column<number, unknown, 'int4'>('part', 'int4', (part) => part)
const PROVENANCE = { provenance: ['kafka_offset'] }
const IDS: Ids = new Map([['a', 7]])

/** The name is put aside, and its number is written. */
function packer(): RowPacker<Row, Packed, Ids> {
  const rows = new RowPacker<Row, Packed, Ids>(({ n }, slab, start) => ({ slab, start, n }))
  const nameOf = (row: Packed): string => row.slab.toString('latin1', rows.asideIn(row), rows.endIn(row))
  return rows
    .one('one', [N, OFFSET, TEXT], [column('name', 'int2', (row, ids) => ids.get(nameOf(row)) ?? null)], PROVENANCE)
    .several('several', [PART], ({ parts }) => parts)
    .aside((writer, { name }) => writer.raw(Buffer.from(name)))
}

/** In the order in which packed rows have their columns. */
const one = onePerRow<Row, Ids>('one', [N, TEXT, OFFSET, column('name', 'int2', ({ name }, ids) => ids.get(name) ?? null)], PROVENANCE)
const part = onePerRow<number, Ids>('several', [PART])
const plainTables: CopyTable<Row, Ids>[] = [one, {
  ...part,
  has: ({ parts }) => parts.length > 0,
  write: (writer, { parts }, ids) => parts.forEach((each) => part.write(writer, each, ids)),
  writeContent: (writer, { parts }, ids) => parts.forEach((each) => part.writeContent(writer, each, ids)),
}]

function written(write: (writer: CopyWriter) => void): string {
  const chunks: Buffer[] = []
  const writer = new CopyWriter(Buffer.alloc(100), 0, (full, bytes) => {
    chunks.push(full.chunk.subarray(0, full.at))
    full.moveTo(Buffer.alloc(Math.max(100, bytes)), 0)
  })
  write(writer)
  return Buffer.concat([...chunks, writer.chunk.subarray(0, writer.at)]).toString('hex')
}

const rowOf = (n: number, over: Partial<Row> = {}): Row => ({ n, offset: n + 1, text: `text ${n}`, name: 'a', parts: [n, n + 1], ...over })
const bytesOf = (table: CopyTable<any, Ids>, row: unknown): [string, string] =>
  [written((writer) => table.write(writer, row, IDS)), written((writer) => table.writeContent(writer, row, IDS))]

function assertWrittenAs(rows: RowPacker<Row, Packed, Ids>, packed: Packed[], plain: Row[]): void {
  for (const [place, table] of rows.tables.entries()) {
    assert.deepEqual([table.columns, table.content], [plainTables[place]!.columns, plainTables[place]!.content])
    packed.forEach((row, n) => assert.deepEqual(bytesOf(table, row), bytesOf(plainTables[place]!, plain[n]), `${table.name} ${n}`))
  }
}

test('packed rows are written as the rows would be, whole and without what says where they came from', () => {
  const rows = packer()
  const plain = [rowOf(1), rowOf(2, { parts: [] }), rowOf(3, { name: 'unknown' }), rowOf(4, { text: 'é'.repeat(200_000) }), rowOf(5), rowOf(6, { name: '' })]
  // All are packed before the first is written: none may lie in memory that a later one is written to.
  const packed = plain.map((row) => rows.pack(row))
  assertWrittenAs(rows, packed, plain)
  assert.deepEqual(packed.map((row) => rows.tables[1]!.has!(row)), [true, false, true, true, true, true])
  assert.deepEqual(packed.map(({ n }) => n), [1, 2, 3, 4, 5, 6])
})

test('rows that fill one slab after the other are whole, wherever a slab ends', () => {
  const rows = packer()
  // Slabs of 256 KiB: rows of 0 to 6,997 characters end in some dozen of them, at ever other places.
  const plain = Array.from({ length: 1_000 }, (_, n) => rowOf(n, { text: 'x'.repeat((n * 997) % 6_999) }))
  assertWrittenAs(rows, plain.map((row) => rows.pack(row)), plain)
})

test('a row that has no form in its columns does not spoil those before and after it', () => {
  const rows = packer()
  const before = rows.pack(rowOf(5))
  assert.throws(() => rows.pack(rowOf(2 ** 40)), RangeError)
  assert.throws(() => rows.pack(rowOf(1, { text: 'x'.repeat(100_000), parts: [0.5] })), RangeError)
  assert.throws(() => rows.pack(rowOf(1, { text: 'x'.repeat(300_000), parts: [0.5] })), RangeError)
  assertWrittenAs(rows, [before, rows.pack(rowOf(6))], [rowOf(5), rowOf(6)])
})

test('a row of some tuples takes the memory that these take, and 4 bytes for each place', () => {
  const rows = packer()
  const row = rows.pack(rowOf(1))
  // Six places for two tables; n 8 bytes, text 4 + 6, offset 12; two tuples of 2 + 8; one letter aside.
  assert.equal(rows.endIn(row) - row.start, 6 * 4 + 8 + 10 + 12 + 20 + 1)
  assert.equal(rows.pack(rowOf(2)).start, rows.endIn(row))
})
