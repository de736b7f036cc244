/**
 * Finds weights kept outside an ONNX file. Such a model's SHA-256 says nothing about its weights, so it is refused.
 *
 * Walks the protobuf wire form without building objects: a model may be hundreds of megabytes.
 */
import protobuf from 'protobufjs'

/** Fields that lead from a message to tensors (onnx/onnx.proto): field number to the message it holds. */
const PATHS: Record<string, Record<number, string>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  function: { 7: 'node' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: {},
}
const EXTERNAL_DATA_FIELD = 13
const LENGTH_DELIMITED = 2
/** Sub-graphs nest a few levels in real models; a crafted file could nest until the stack ends. */
const MAX_DEPTH = 64

/**
 * Whether any tensor's data lies in another file.
 * @throws RangeError or Error when the bytes are no protobuf message
 */
export function hasExternalData(model: Uint8Array): boolean {
  return walk(protobuf.Reader.create(model), model.length, 'model', 0)
}

function walk(reader: protobuf.Reader, end: number, message: string, depth: number): boolean {
  if (depth > MAX_DEPTH) throw new RangeError(`messages nest deeper than ${MAX_DEPTH}`)
  while (reader.pos < end) {
    const tag = reader.uint32()
    const field = tag >>> 3
    if (message === 'tensor' && field === EXTERNAL_DATA_FIELD) return true
    const inner = PATHS[message]?.[field]
    if (inner === undefined || (tag & 7) !== LENGTH_DELIMITED) {
      reader.skipType(tag & 7)
    } else {
      const innerEnd = reader.uint32() + reader.pos
      if (innerEnd > end) throw new RangeError('a message is cut off')
      if (walk(reader, innerEnd, inner, depth + 1)) return true
    }
  }
  return false
}
