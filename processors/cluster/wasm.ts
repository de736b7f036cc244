/**
 * Just enough of an assembler for two WebAssembly loops with SIMD. V8 has no other way to vector instructions, and
 * plain JavaScript takes five to ten times as long for the same sums. Fixed-width SIMD rounds alike on every machine.
 * Opcodes: WebAssembly Core Specification 2.0, section 5.4.
 */

export type Code = number[]

export const I32 = 0x7f
export const V128 = 0x7b

const SIMD = 0xfd
const simd = (opcode: number, ...immediates: Code): Code => [SIMD, ...unsigned(opcode), ...immediates]

export const get = (local: number): Code => [0x20, local]
export const set = (local: number, ...value: Code[]): Code => [...value.flat(), 0x21, local]
export const i32 = (number: number): Code => [0x41, ...signed(number)]
export const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
export const subtract = (a: Code, b: Code): Code => [...a, ...b, 0x6b]
export const lessThan = (a: Code, b: Code): Code => [...a, ...b, 0x49]
export const storeI32 = (address: Code, value: Code): Code => [...address, ...value, 0x36, 2, 0]
export const storeF32 = (address: Code, value: Code): Code => [...address, ...value, 0x38, 2, 0]

/** Runs the body, then again as long as the condition is not zero. */
export const repeat = (body: Code[], condition: Code): Code => [0x03, 0x40, ...body.flat(), ...condition, 0x0d, 0, 0x0b]

export const load = (address: Code, offset = 0): Code => [...address, ...simd(0, 0, ...unsigned(offset))]
export const zero: Code = simd(12, ...new Array<number>(16).fill(0))
export const and = (a: Code, b: Code): Code => [...a, ...b, ...simd(78)]
/** Bits set, in each byte. */
export const popcount = (a: Code): Code => [...a, ...simd(98)]
export const addBytes = (a: Code, b: Code): Code => [...a, ...b, ...simd(110)]
/** Sums of neighbours, at twice the width. */
export const widenBytes = (a: Code): Code => [...a, ...simd(125)]
export const widenShorts = (a: Code): Code => [...a, ...simd(127)]
export const shiftShorts = (a: Code, bits: number): Code => [...a, ...i32(bits), ...simd(139)]
export const addShorts = (a: Code, b: Code): Code => [...a, ...b, ...simd(142)]
export const addFloats = (a: Code, b: Code): Code => [...a, ...b, ...simd(228)]
export const multiplyFloats = (a: Code, b: Code): Code => [...a, ...b, ...simd(230)]
export const sumOfInts = (vector: Code): Code => lanes(vector, 27, 0x6a)
export const sumOfFloats = (vector: Code): Code => lanes(vector, 31, 0x92)

function lanes(vector: Code, extract: number, plus: number): Code {
  const lane = (index: number): Code => [...vector, ...simd(extract, index)]
  return [...lane(0), ...lane(1), plus, ...lane(2), ...lane(3), plus, plus]
}

export interface FunctionSource {
  name: string
  /** Parameters, all i32: locals from 0 on. */
  parameters: number
  /** Types of the further locals. */
  locals: number[]
  body: Code[]
}

/** A module of functions without results over one imported memory, `env.memory`. */
export function assemble(functions: FunctionSource[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [0x60, ...vector(new Array<Code>(parameters).fill([I32])), 0])
  const memory = [...name('env'), ...name('memory'), 0x02, 0x01, 1, ...unsigned(MAX_PAGES)]
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, types),
    ...section(2, [memory]),
    ...section(3, functions.map((_, i) => [i])),
    ...section(7, functions.map((source, i) => [...name(source.name), 0x00, i])),
    ...section(10, functions.map(bodyOf)),
  ])
}

/** 4 GiB, all that 32-bit addresses reach. */
export const MAX_PAGES = 65_536

function bodyOf({ locals, body }: FunctionSource): Code {
  const code = [...vector(locals.map((type) => [1, type])), ...body.flat(), 0x0b]
  return [...unsigned(code.length), ...code]
}

function section(id: number, entries: Code[]): Code {
  const content = vector(entries)
  return [id, ...unsigned(content.length), ...content]
}

function vector(entries: Code[]): Code {
  return [...unsigned(entries.length), ...entries.flat()]
}

function name(text: string): Code {
  return [...unsigned(text.length), ...Buffer.from(text)]
}

/** LEB128. */
function unsigned(number: number): Code {
  return number < 0x80 ? [number] : [(number & 0x7f) | 0x80, ...unsigned(number >>> 7)]
}

function signed(number: number): Code {
  const isLast = number >= -64 && number < 64
  return isLast ? [number & 0x7f] : [(number & 0x7f) | 0x80, ...signed(number >> 7)]
}
