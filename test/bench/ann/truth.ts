/// <reference lib="es2025.float16" preserve="true" />
/** The nearest rows by cosine, worked out one by one in Node: what every search in Postgres is judged by. */
import { countOf, DIMENSIONS, floatsOf, vectorAt, type VectorSet } from './vector-set.ts'

export const NEAREST = 10

/** Sums of 512 products in single precision, as pgvector's, differ from ours in double precision by less. */
const ROUNDING = 1e-5

export interface Truth {
  /** Cosines of the nearest rows of each query, largest first. */
  cosines: Float64Array[]
}

/** Rows compared with every query while they are in the processor's cache: 512 KB of floats. */
const BLOCK_ROWS = 256

export function nearestOf(set: Pick<VectorSet, 'vectors' | 'queries'>): Truth {
  const queries = set.queries.map(({ vector }) => unitOf(vector))
  const cosines = queries.map(() => new Float64Array(NEAREST).fill(-Infinity))
  for (let from = 0; from < countOf(set); from += BLOCK_ROWS) {
    const rows = unitRows(set.vectors, from, Math.min(BLOCK_ROWS, countOf(set) - from))
    queries.forEach((query, n) => keepNearest(cosines[n]!, query, rows))
  }
  return { cosines }
}

/** The share of the true nearest that a search found; a row as near as the last of them counts as one of them. */
export function recallOf(truth: Float64Array, query: Buffer, vectors: Buffer, found: readonly number[]): number {
  const least = truth[NEAREST - 1]! - ROUNDING
  const hits = new Set(found.slice(0, NEAREST).filter((row) => cosineOf(query, vectorAt(vectors, row)) >= least))
  return hits.size / NEAREST
}

/** Whether a search found the nearest in their order, up to rounding. */
export function isExact(truth: Float64Array, query: Buffer, vectors: Buffer, found: readonly number[]): boolean {
  return found.length === NEAREST && new Set(found).size === NEAREST &&
    found.every((row, rank) => Math.abs(cosineOf(query, vectorAt(vectors, row)) - truth[rank]!) <= ROUNDING)
}

export function cosineOf(a: Buffer, b: Buffer): number {
  return dot(unitOf(a), unitOf(b), 0)
}

function keepNearest(nearest: Float64Array, query: Float32Array, rows: Float32Array): void {
  for (let at = 0; at < rows.length; at += DIMENSIONS) {
    const cosine = dot(query, rows, at)
    if (cosine <= nearest[NEAREST - 1]!) continue
    let rank = NEAREST - 1
    for (; rank > 0 && nearest[rank - 1]! < cosine; rank--) nearest[rank] = nearest[rank - 1]!
    nearest[rank] = cosine
  }
}

function unitRows(vectors: Buffer, from: number, count: number): Float32Array {
  const rows = new Float32Array(count * DIMENSIONS)
  for (let row = 0; row < count; row++) rows.set(unitOf(vectorAt(vectors, from + row)), row * DIMENSIONS)
  return rows
}

function unitOf(halves: Buffer): Float32Array {
  const numbers = floatsOf(halves)
  const length = Math.sqrt(dot(numbers, numbers, 0))
  return numbers.map((number) => number / length)
}

function dot(a: Float32Array, b: Float32Array, at: number): number {
  let [one, two, three, four] = [0, 0, 0, 0] // sums that need not wait for each other
  for (let i = 0; i < DIMENSIONS; i += 4) {
    one += a[i]! * b[at + i]!
    two += a[i + 1]! * b[at + i + 1]!
    three += a[i + 2]! * b[at + i + 2]!
    four += a[i + 3]! * b[at + i + 3]!
  }
  return one + two + three + four
}
