/** The two inner loops of the search for the nearest representative, over rows in one WebAssembly memory. */
import {
  add, addBytes, addFloats, addShorts, and, assemble, get, I32, i32, lessThan, load, multiplyFloats, popcount, repeat, set,
  shiftShorts, storeF32, storeI32, subtract, sumOfFloats, sumOfInts, V128, widenBytes, widenShorts, zero, type FunctionSource,
} from './wasm.ts'

export interface Kernels {
  /**
   * Dot product of each of `count` rows with the query, single precision, into `out`. Addresses and lengths in bytes; a
   * row's length is a multiple of 64, `count` at least 1.
   */
  dots(rows: number, count: number, rowBytes: number, query: number, out: number): void
  /**
   * For each of `count` codes the sum, over its set bits, of the query's 4-bit number at that place, into `out` as
   * int32. `planes` holds the four bits of all numbers, lowest first, each as long as a code: a multiple of 16 bytes.
   */
  bitSums(codes: number, count: number, codeBytes: number, planes: number, out: number): void
}

/** Bits of a query's number. */
export const PLANES = 4

/** Four accumulators hide the latency of the addition. */
const LANES = 4
const VECTOR_BYTES = 16

function dotsSource(): FunctionSource {
  const [rows, count, rowBytes, query, out, row, part, end] = [0, 1, 2, 3, 4, 5, 6, 7] as const
  const sums = [8, 9, 10, 11] as const
  const product = (lane: number) => multiplyFloats(load(get(row), lane * VECTOR_BYTES), load(get(part), lane * VECTOR_BYTES))
  const total = 12
  return {
    name: 'dots',
    parameters: 5,
    locals: [I32, I32, I32, ...new Array<number>(LANES + 1).fill(V128)],
    body: [repeat([
      set(row, get(rows)), set(part, get(query)), set(end, add(get(rows), get(rowBytes))),
      ...sums.map((sum) => set(sum, zero)),
      repeat([
        ...sums.map((sum, lane) => set(sum, addFloats(get(sum), product(lane)))),
        set(row, add(get(row), i32(LANES * VECTOR_BYTES))), set(part, add(get(part), i32(LANES * VECTOR_BYTES))),
      ], lessThan(get(row), get(end))),
      set(total, addFloats(addFloats(get(sums[0]), get(sums[1])), addFloats(get(sums[2]), get(sums[3])))),
      storeF32(get(out), sumOfFloats(get(total))),
      set(rows, get(end)), set(out, add(get(out), i32(4))), set(count, subtract(get(count), i32(1))),
    ], get(count))],
  }
}

function bitSumsSource(): FunctionSource {
  const [codes, count, codeBytes, planes, out, code, part, end] = [0, 1, 2, 3, 4, 5, 6, 7] as const
  const sums = [8, 9, 10, 11] as const
  const [word, total, plane] = [12, 13, 14] as const
  // Bytes hold the counts of up to 31 words, shorts their weighted sums: enough for 2,048 bits (16 words) and weights to 8.
  const weighted = sums.map((sum, bit) => shiftShorts(widenBytes(get(sum)), bit))
  return {
    name: 'bitSums',
    parameters: 5,
    locals: [I32, I32, I32, ...new Array<number>(PLANES + 2).fill(V128), I32],
    body: [repeat([
      set(code, get(codes)), set(part, get(planes)), set(end, add(get(codes), get(codeBytes))),
      ...sums.map((sum) => set(sum, zero)),
      repeat([
        set(word, load(get(code))), set(plane, get(part)),
        ...sums.flatMap((sum) => [
          set(sum, addBytes(get(sum), popcount(and(get(word), load(get(plane)))))),
          set(plane, add(get(plane), get(codeBytes))),
        ]),
        set(code, add(get(code), i32(VECTOR_BYTES))), set(part, add(get(part), i32(VECTOR_BYTES))),
      ], lessThan(get(code), get(end))),
      set(total, widenShorts(weighted.reduce(addShorts))),
      storeI32(get(out), sumOfInts(get(total))),
      set(codes, get(end)), set(out, add(get(out), i32(4))), set(count, subtract(get(count), i32(1))),
    ], get(count))],
  }
}

let compiled: WebAssembly.Module | undefined

export function openKernels(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(assemble([dotsSource(), bitSumsSource()]))
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Kernels
}
