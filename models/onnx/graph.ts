/** Builds an ONNX graph node by node. Values are known by name; names are numbered, so a graph's bytes are stable. */
import { ATTRIBUTE, ELEMENT, encodeModel } from './proto.ts'

/** Opset 17: the last one in which reductions and Split take their axes as attributes; onnxruntime runs it for years to come. */
const OPSET = 17
const IR_VERSION = 8

/** A value in the graph. */
export type Value = string & { readonly __value: unique symbol }
/** A whole number becomes an INT, a list an INTS; write `{ float }` for a FLOAT. */
export type Attribute = number | number[] | { float: number }
export type Shape = (number | string)[]

export class Graph {
  readonly #name: string
  readonly #nodes: object[] = []
  readonly #initializers: object[] = []
  readonly #inputs: object[] = []
  readonly #outputs: object[] = []

  constructor(name: string) {
    this.#name = name
  }

  input(name: string, shape: Shape): Value {
    this.#inputs.push(valueInfo(name, shape))
    return name as Value
  }

  /** Names `value` and declares it a result. */
  output(name: string, value: Value, shape: Shape): void {
    this.#nodes.push({ op_type: 'Identity', name, input: [value], output: [name] })
    this.#outputs.push(valueInfo(name, shape))
  }

  /** A constant of single-precision numbers. */
  floats(shape: number[], numbers: ArrayLike<number>): Value {
    const bytes = Buffer.alloc(numbers.length * 4)
    for (let i = 0; i < numbers.length; i++) bytes.writeFloatLE(numbers[i]!, i * 4)
    return this.#initializer(shape, ELEMENT.float, bytes)
  }

  scalar(number: number): Value {
    return this.floats([], [number])
  }

  integers(numbers: number[]): Value {
    const bytes = Buffer.alloc(numbers.length * 8)
    numbers.forEach((number, i) => bytes.writeBigInt64LE(BigInt(number), i * 8))
    return this.#initializer([numbers.length], ELEMENT.int64, bytes)
  }

  /** Applies an operator with one result. */
  apply(operator: string, inputs: Value[], attributes: Record<string, Attribute> = {}): Value {
    const output = `${operator}_${this.#nodes.length}` as Value
    const attribute = Object.entries(attributes).map(([name, value]) => ({ name, ...attributeFields(value) }))
    this.#nodes.push({ op_type: operator, name: output, input: inputs, output: [output], attribute })
    return output
  }

  toBytes(description: string): Buffer {
    return encodeModel({
      ir_version: IR_VERSION,
      producer_name: 'sluice',
      opset_import: [{ domain: '', version: OPSET }],
      graph: {
        name: this.#name, doc_string: description, node: this.#nodes,
        initializer: this.#initializers, input: this.#inputs, output: this.#outputs,
      },
    })
  }

  #initializer(dims: number[], dataType: number, bytes: Buffer): Value {
    const name = `constant_${this.#initializers.length}` as Value
    this.#initializers.push({ name, dims, data_type: dataType, raw_data: bytes })
    return name
  }
}

function attributeFields(value: Attribute): object {
  if (Array.isArray(value)) return { type: ATTRIBUTE.ints, ints: value }
  if (typeof value === 'object') return { type: ATTRIBUTE.float, f: value.float }
  return { type: ATTRIBUTE.int, i: value }
}

function valueInfo(name: string, shape: Shape): object {
  const dim = shape.map((size) => (typeof size === 'string' ? { dim_param: size } : { dim_value: size }))
  return { name, type: { tensor_type: { elem_type: ELEMENT.float, shape: { dim } } } }
}
