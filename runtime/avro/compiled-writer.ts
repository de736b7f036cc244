/**
 * Avro values written by functions made for their type, as `compiled-reader.ts` reads them. The bytes are those that
 * avsc writes, in about half of its time, and what avsc refuses is refused: a value of another type, a number out of
 * range, a field that is missing and has no default, a value for which a union has no branch. Only symbols of an enum
 * are looked at more closely: avsc takes what every object has, like `toString`, for one.
 */
import type { Type } from './bounded-avsc.ts'
import { shapeOf, type FieldShape, type Shape } from './shape.ts'
import * as steps from './write-steps.ts'

/**
 * Writes the value at `from` of the target and tells where it ends: beyond the target when it does not fit there.
 * @throws Error for a value that the type does not take
 */
export type CompiledWriter = (value: unknown, from: number) => number

/** The writer of a type; undefined when something in it is left to avsc. */
export function compileWriter(type: Type, target: Buffer): CompiledWriter | undefined {
  const shape = shapeOf(type)
  if (shape === undefined) return undefined
  const source = new WriterSource()
  const root = source.write(shape, 'value', 'the value')
  const constants = { ...steps, isBuffer: Buffer.isBuffer, isArray: Array.isArray, keysOf: Object.keys, defaults: source.defaults, bytes: target }
  // Compiled once for each schema, from names that avsc has checked to be identifiers; avsc does the same.
  const make = new Function(...Object.keys(constants), `'use strict'
    ${source.functions}
    return (value, p) => { ${root} return p }`) as (...constants: unknown[]) => CompiledWriter
  return make(...Object.values(constants))
}

/** What avsc asks of a value before it writes it. Its bounds of a long are one less than what is safe. */
const CONDITIONS: Record<string, (value: string, type: Shape) => string> = {
  null: (value) => `${value} === null`,
  boolean: (value) => `typeof ${value} === 'boolean'`,
  int: (value) => `${value} === (${value} | 0)`,
  long: (value) => `typeof ${value} === 'number' && ${value} % 1 === 0 && ${value} >= -9007199254740990 && ${value} <= 9007199254740990`,
  float: (value) => `typeof ${value} === 'number'`,
  double: (value) => `typeof ${value} === 'number'`,
  string: (value) => `typeof ${value} === 'string'`,
  bytes: (value) => `isBuffer(${value})`,
  fixed: (value, { size }) => `isBuffer(${value}) && ${value}.length === ${size}`,
  enum: (value, { symbols }) => `${JSON.stringify(symbols)}.includes(${value})`,
  array: (value) => `isArray(${value})`,
  map: (value) => `typeof ${value} === 'object' && ${value} !== null && !isArray(${value})`,
}

/** What a value must be to go to a union's branch; no two branches of one ask for the same. */
function isFor(type: Shape, value: string): string {
  switch (type.typeName) {
    case 'int': case 'long': case 'float': case 'double': return `typeof ${value} === 'number'`
    case 'enum': return `typeof ${value} === 'string'`
    case 'fixed': return `isBuffer(${value})`
    case 'map': case 'record': return `typeof ${value} === 'object' && ${value} !== null && !isArray(${value}) && !isBuffer(${value})`
    default: return CONDITIONS[type.typeName]!(value, type)
  }
}

/** JavaScript for the types of one schema: a function for each record, with the others written out in it. `p` is the place in `bytes`. */
class WriterSource {
  readonly #records = new Map<Shape, string>()
  #variables = 0
  functions = ''
  /** Bytes of the fields' defaults. */
  readonly defaults: Buffer[] = []

  /** Statements that write the variable `value` and move on; `path` is told when it is refused. */
  write(type: Shape, value: string, path: string): string {
    const condition = CONDITIONS[type.typeName]?.(value, type)
    const check = condition === undefined ? '' : `if (!(${condition})) ${refusal(path, type.typeName, value)};`
    return `${check} ${this.#written(type, value, path)}`
  }

  #written(type: Shape, value: string, path: string): string {
    switch (type.typeName) {
      case 'null': return ''
      case 'boolean': return `bytes[p++] = ${value} ? 1 : 0;`
      case 'int': case 'long': return number(value)
      case 'float': return `p = writeFloat(bytes, p, ${value});`
      case 'double': return `p = writeDouble(bytes, p, ${value});`
      case 'string': return `p = writeText(bytes, p, ${value});`
      case 'bytes': return `${number(`${value}.length`)} p = writeBytes(bytes, p, ${value});`
      case 'fixed': return `p = writeBytes(bytes, p, ${value});`
      case 'enum': return `p = writeLong(bytes, p, ${JSON.stringify(type.symbols)}.indexOf(${value}));`
      case 'array': return this.#array(type.itemsType, value, path)
      case 'map': return this.#map(type.valuesType, value, path)
      case 'record': return `p = ${this.#recordFunction(type)}(${value}, p);`
      default: return this.#union(type.types, value, path)
    }
  }

  #array(items: Shape, value: string, path: string): string {
    const [count, index, item] = [this.#variable(), this.#variable(), this.#variable()]
    return `const ${count} = ${value}.length;
      if (${count} > 0) {
        ${number(count)}
        for (let ${index} = 0; ${index} < ${count}; ${index}++) { const ${item} = ${value}[${index}]; ${this.write(items, item, `an item of ${path}`)} }
      }
      bytes[p++] = 0;`
  }

  #map(values: Shape, value: string, path: string): string {
    const [keys, key, entry] = [this.#variable(), this.#variable(), this.#variable()]
    return `const ${keys} = keysOf(${value});
      if (${keys}.length > 0) {
        ${number(`${keys}.length`)}
        for (const ${key} of ${keys}) { p = writeText(bytes, p, ${key}); const ${entry} = ${value}[${key}]; ${this.write(values, entry, `an entry of ${path}`)} }
      }
      bytes[p++] = 0;`
  }

  #union(types: Shape[], value: string, path: string): string {
    const branches = types.map((type, index) => `if (${isFor(type, value)}) { p = writeLong(bytes, p, ${index}); ${this.write(type, value, path)} } else`)
    return `${branches.join(' ')} ${refusal(path, types.map(({ typeName }) => typeName).join(' or '), value)};`
  }

  /** The name is known before the body is made, so a type may hold itself. */
  #recordFunction(type: Shape): string {
    const known = this.#records.get(type)
    if (known !== undefined) return known
    const name = `write${this.#records.size}`
    this.#records.set(type, name)
    const body = type.fields.map((field) => this.#field(field)).join('\n')
    this.functions += `function ${name}(record, p) { ${body} return p }\n`
    return name
  }

  #field(field: FieldShape): string {
    const value = this.#variable()
    const write = this.write(field.type, value, field.name)
    const read = `const ${value} = record.${field.name};`
    if (field.defaultValue() === undefined) return `${read} ${write}`
    const place = this.defaults.push((field.type as unknown as Type).toBuffer(field.defaultValue())) - 1
    return `${read} if (${value} === undefined) p = writeBytes(bytes, p, defaults[${place}]); else { ${write} }`
  }

  #variable(): string {
    return `v${this.#variables++}`
  }
}

function refusal(path: string, wanted: string, value: string): string {
  return `refuse(${JSON.stringify(path)}, ${JSON.stringify(wanted)}, ${value})`
}

/** Nearly all numbers take one byte, which is written without a call. */
function number(value: string): string {
  return `if (${value} >= -64 && ${value} < 64) bytes[p++] = (${value} << 1) ^ (${value} >> 31); else p = writeLong(bytes, p, ${value});`
}
