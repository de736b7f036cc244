/** Ways to find the ten nearest rows, as an SQL user writes them, and how they do. */
import { hash } from 'node:crypto'
import type { Client } from 'pg'
import { percentile } from '../percentile.ts'
import { difference, processSeconds } from './cost.ts'
import { bitField, SIGNS, type Design } from './segments.ts'
import { isExact, NEAREST, recallOf, type Truth } from './truth.ts'
import { DIMENSIONS, signsOf, type VectorSet } from './vector-set.ts'

export interface Search {
  name: string
  /** Candidates for each row wanted; absent when the vectors themselves are compared. */
  oversampling?: number
  /** What of each segment is read: its vector index, or all of a table. */
  reads: 'index' | 'vector_row' | 'code'
  isExact?: boolean
  settings: Readonly<Record<string, string | number>>
  /** `$1` is the vector. `$2`, where there are candidates, its signs. */
  text: string
}

export interface Outcome {
  search: Search
  /** Share of the ten nearest that were found, mean over the queries of each kind. */
  recalls: Map<string, number>
  recall: number
  /** One query after another, pages in memory. */
  p50Ms: number
  p95Ms: number
  /** Of the server's process, mean; undefined where the system does not tell. */
  cpuMs: number | undefined
  /** Empty when what it gave can be relied on. */
  problems: string[]
}

export const OVERSAMPLINGS = [4, 10, 20]

const SIGN = `$2::bit(${DIMENSIONS})`
const VECTOR = `$1::halfvec(${DIMENSIONS})`
/** Small tables tempt the planner into plans that large ones would not get. */
const READ_TABLE = { enable_seqscan: 'on', enable_indexscan: 'off', enable_bitmapscan: 'off' }
const READ_INDEX = { enable_seqscan: 'off', enable_indexscan: 'on', enable_bitmapscan: 'off' }
/** The codes are scanned, and the candidates' rows found by their keys. */
const BY_KEY = { enable_seqscan: 'on', enable_indexscan: 'on', enable_bitmapscan: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off' }

/** The searches that a design is made for. The slowest, which is of interest for its code's cost only, is not asked to merge segments. */
export function searchesFor(design: Design, segments: number): Search[] {
  if (design.kind === 'none') return [exact, ...(segments === 1 ? bySigns('signs worked out by the scan', 'vector_row', [10]) : [])]
  if (design.kind === 'codes') return OVERSAMPLINGS.map((times) => byCodes(design.centre ? 'scan of codes around the mean' : 'scan of codes', times))
  const name = designName(design)
  return design.of === 'signs' ? bySigns(name, 'index', OVERSAMPLINGS) : [byVectors(name, 10 * NEAREST)]
}

export function designName(design: Design): string {
  if (design.kind === 'none') return 'rows and key alone'
  if (design.kind === 'codes') return design.centre ? 'table of codes around the mean' : 'table of codes'
  return `HNSW of ${design.of === 'signs' ? 'signs' : 'halfvec'}, m = ${design.m}`
}

export function titleOf({ name, oversampling }: Search): string {
  return oversampling === undefined ? name : `${name}, ×${oversampling}`
}

const exact: Search = {
  name: 'exact scan', reads: 'vector_row', isExact: true, settings: READ_TABLE,
  text: `select id from vector_row order by embedding <=> ${VECTOR} limit ${NEAREST}`,
}

function bySigns(name: string, reads: Search['reads'], oversamplings: number[]): Search[] {
  return oversamplings.map((oversampling) => ({
    name, oversampling, reads,
    settings: reads === 'index' ? { ...READ_INDEX, 'hnsw.ef_search': Math.max(40, oversampling * NEAREST) } : READ_TABLE,
    text: `select id from (select id, embedding from vector_row order by ${SIGNS} <~> ${SIGN} limit ${oversampling * NEAREST}) candidate
      order by embedding <=> ${VECTOR} limit ${NEAREST}`,
  }))
}

function byCodes(name: string, oversampling: number): Search {
  return {
    name, oversampling, reads: 'code', settings: BY_KEY,
    text: `select id from (select id, segment from code order by signs <~> ${SIGN} limit ${oversampling * NEAREST}) candidate join vector_row using (segment, id)
      order by embedding <=> ${VECTOR} limit ${NEAREST}`,
  }
}

function byVectors(name: string, candidates: number): Search {
  return {
    name, reads: 'index', settings: { ...READ_INDEX, 'hnsw.ef_search': candidates },
    text: `select id from vector_row order by embedding <=> ${VECTOR} limit ${NEAREST}`,
  }
}

export interface Ground { client: Client; set: VectorSet; truth: Truth; segments: number }

/** Queries asked beforehand, not counted: the pages are in memory then, and the statement's plan is settled. */
const WARM_UP = 20

/** Leaves the session's settings at their defaults. */
export async function trySearch(ground: Ground, search: Search, centre?: Float32Array): Promise<Outcome> {
  const { client, set: { queries, vectors }, truth } = ground
  for (const [name, value] of Object.entries(search.settings)) await client.query(`set ${name} = ${value}`)
  const values = queries.map(({ vector }) => [halfvecField(vector), ...(search.oversampling === undefined ? [] : [bitField(signsOf(vector, centre))])])
  const problems = await planProblems(ground, search, values[0]!)
  for (const each of values.slice(0, WARM_UP)) await ask(client, search, each)
  const cpu = await processSeconds(client)
  const answers: { value: number[]; ms: number }[] = []
  for (const each of values) answers.push(await timed(() => ask(client, search, each)))
  const cpuSeconds = difference(cpu, await processSeconds(client))
  await client.query('reset all')
  if (search.isExact && !queries.every(({ vector }, n) => isExact(truth.cosines[n]!, vector, vectors, answers[n]!.value))) problems.push('not the nearest as worked out in Node')
  const recalls = queries.map(({ vector }, n) => recallOf(truth.cosines[n]!, vector, vectors, answers[n]!.value))
  const times = answers.map(({ ms }) => ms)
  return {
    search, problems, recall: mean(recalls), recalls: byKind(queries.map(({ kind }) => kind), recalls),
    p50Ms: percentile(times, 0.5), p95Ms: percentile(times, 0.95),
    cpuMs: cpuSeconds === undefined ? undefined : cpuSeconds * 1000 / queries.length,
  }
}

/** Prepared, as for any program that asks often. */
async function ask(client: Client, { text }: Search, values: Buffer[]): Promise<number[]> {
  const { rows } = await client.query<{ id: number }>({ name: hash('md5', text), text, values })
  return rows.map(({ id }) => id)
}

interface Plan { 'Node Type': string; 'Relation Name'?: string; 'Index Name'?: string; Plans?: Plan[] }

/** A search that the planner carries out in another way than its name says is no result. */
async function planProblems({ client, segments }: Ground, { text, reads, name }: Search, values: Buffer[]): Promise<string[]> {
  const { rows } = await client.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(`explain (format json) ${text}`, values)
  const nodes = nodesOf(rows[0]!['QUERY PLAN'][0]!.Plan)
  const scanned = nodes.filter((node) => node['Node Type'] === 'Seq Scan').map((node) => node['Relation Name'] ?? '')
  const indexes = nodes.flatMap((node) => node['Index Name'] ?? []).filter((index) => !index.endsWith('_pkey'))
  const isAsSaid = reads === 'index' ? indexes.length === segments && scanned.length === 0
    : scanned.length === segments && indexes.length === 0 && scanned.every((table) => table.startsWith(reads))
  return isAsSaid ? [] : [`${name}: planned as ${nodes.map((node) => node['Node Type']).join(', ')}`]
}

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}

/** What `halfvec_recv` reads: 16-bit dimensions, 16-bit zero, then the numbers, big-endian. */
function halfvecField(halves: Buffer): Buffer {
  const field = Buffer.alloc(4 + halves.length)
  field.writeUInt16BE(halves.length / 2)
  field.set(halves, 4)
  field.subarray(4).swap16()
  return field
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startedMs = performance.now()
  const value = await work()
  return { value, ms: performance.now() - startedMs }
}

function byKind(kinds: string[], recalls: number[]): Map<string, number> {
  return new Map([...new Set(kinds)].map((kind) => [kind, mean(recalls.filter((_, n) => kinds[n] === kind))]))
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
