/**
 * Sealed segments as the store makes them (migrations/0004-segments.sql), of a table of the bench's own: the asset's vector
 * beside as many bytes as make six rows a page, in tables that one transaction makes, fills by COPY FREEZE, indexes and
 * attaches.
 */
import type { Client } from 'pg'
import { ChunkPool, copyIn } from '#runtime/postgres/copy-in.ts'
import { column, onePerRow } from '#runtime/postgres/copy-table.ts'
import { costOf, sizeOf, sumOf, type Cost } from './cost.ts'
import { countOf, DIMENSIONS, signsOf, vectorAt, type VectorSet } from './vector-set.ts'

/** What a sealed segment has for searches. */
export type Design =
  | { kind: 'none' }
  /** Signs in a table of their own. `centre`: around the mean in place of zero. */
  | { kind: 'codes'; centre?: Float32Array }
  | { kind: 'hnsw'; of: 'signs' | 'vectors'; m: number }

const EF_CONSTRUCTION = 64

/** Header 24, id 4, vector 1,032, this 288 with its length, segment 4: 1,352 bytes, six rows a page. */
const REST = Buffer.alloc(284)

/** What sealing took for what the design adds to the rows and their key, and altogether. */
export interface Sealing {
  rows: number
  added: Cost
  whole: Cost
}

/** `order by` this, and the index finds it. */
export const SIGNS = `(binary_quantize(embedding)::bit(${DIMENSIONS}))`

const TABLES = `
  drop table if exists vector_row, code;
  create table vector_row (id integer not null, embedding halfvec(${DIMENSIONS}) not null, rest bytea not null, segment integer not null default 0) partition by list (segment);
  alter table vector_row alter column embedding set storage plain, alter column rest set storage plain;
  create table code (id integer not null, signs bit(${DIMENSIONS}) not null, segment integer not null default 0) partition by list (segment)`

/**
 * The set's rows in so many segments, row `n` being id `n`; what was there before goes.
 * @throws Error when a graph did not fit the memory for it: the build is then another, slower one
 */
export async function seal(client: Client, set: VectorSet, segments: number, design: Design): Promise<Sealing> {
  await client.query(TABLES)
  await client.query('checkpoint')
  const costs: { added: Cost; whole: Cost }[] = []
  const notices = await noticesOf(client, async () => {
    for (let segment = 0; segment < segments; segment++) {
      const [from, to] = [segment, segment + 1].map((edge) => Math.floor((edge * countOf(set)) / segments)) as [number, number]
      costs.push(await sealOne(client, set, { number: segment + 1, from, to }, design))
    }
  })
  const unfit = notices.find((notice) => /maintenance_work_mem/.test(notice))
  if (unfit !== undefined) throw new Error(unfit)
  return { rows: countOf(set), added: sumOf(costs.map(({ added }) => added)), whole: sumOf(costs.map(({ whole }) => whole)) }
}

async function noticesOf(client: Client, work: () => Promise<void>): Promise<string[]> {
  const notices: string[] = []
  const listen = ({ message = '' }: { message?: string | undefined }): void => void notices.push(message)
  client.on('notice', listen)
  try {
    await work()
  } finally {
    client.off('notice', listen)
  }
  return notices
}

interface Part { number: number; from: number; to: number }

async function sealOne(client: Client, set: VectorSet, part: Part, design: Design): Promise<{ added: Cost; whole: Cost }> {
  const rows = `vector_row_${part.number}`
  const tables = design.kind === 'codes' ? [rows, `code_${part.number}`] : [rows]
  const { result: added, cost: whole } = await costOf(client, async () => {
    await client.query('begin')
    await fillRows(client, set, part)
    await client.query(`alter table ${rows} add primary key (id)`)
    const { cost } = await costOf(client, () => add(client, set, part, design))
    for (const table of tables) await attach(client, table, part)
    await client.query('commit')
    return cost
  })
  const bytes = await sizeOf(client, 'pg_total_relation_size', tables)
  const without = await sizeOf(client, 'pg_table_size', [rows, `${rows}_pkey`])
  return { added: { ...added, bytes: bytes - without }, whole: { ...whole, bytes } }
}

async function attach(client: Client, table: string, { number }: Part): Promise<void> {
  await client.query(`alter table ${table.replace(/_\d+$/, '')} attach partition ${table} for values in (${number})`)
}

async function fillRows(client: Client, { vectors }: VectorSet, { number, from, to }: Part): Promise<void> {
  const table = `vector_row_${number}`
  await create(client, 'vector_row', number)
  const target = onePerRow<number, undefined>(table, [
    column('id', 'int4', (row) => row), column('embedding', 'halfvec', (row) => vectorAt(vectors, row)), column('rest', 'bytea', () => REST),
  ])
  await copyIn(client, target, rowsOf(from, to), undefined, new ChunkPool(), { freeze: true })
}

async function add(client: Client, set: VectorSet, part: Part, design: Design): Promise<void> {
  const table = `vector_row_${part.number}`
  if (design.kind === 'codes') await fillCodes(client, set, part, design.centre)
  if (design.kind === 'hnsw') {
    const keys = design.of === 'signs' ? `${SIGNS} bit_hamming_ops` : 'embedding halfvec_cosine_ops'
    await client.query(`create index on ${table} using hnsw (${keys}) with (m = ${design.m}, ef_construction = ${EF_CONSTRUCTION})`)
  }
}

/** As the sink would: the codes are made in Node and copied. */
async function fillCodes(client: Client, { vectors }: VectorSet, { number, from, to }: Part, centre: Float32Array | undefined): Promise<void> {
  await create(client, 'code', number)
  const target = onePerRow<number, undefined>(`code_${number}`, [
    column('id', 'int4', (row) => row), column('signs', 'bytea', (row) => bitField(signsOf(vectorAt(vectors, row), centre))),
  ])
  await copyIn(client, target, rowsOf(from, to), undefined, new ChunkPool(), { freeze: true })
}

/** What `bit_recv` reads: the number of bits, then the bits. */
export function bitField(bits: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeInt32BE(bits.length * 8)
  return Buffer.concat([head, bits])
}

/** The check spares ATTACH a scan. */
async function create(client: Client, parent: string, number: number): Promise<void> {
  const table = `${parent}_${number}`
  await client.query(`create table ${table} (like ${parent} including storage, check (segment = ${number}))`)
  await client.query(`alter table ${table} alter segment set default ${number}`)
}

function rowsOf(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n)
}
