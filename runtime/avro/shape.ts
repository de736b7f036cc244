/** avsc's types as the makers of readers and writers see them. */
import type { Type } from './bounded-avsc.ts'

export interface Shape {
  typeName: string
  size: number
  symbols: string[]
  fields: FieldShape[]
  itemsType: Shape
  valuesType: Shape
  types: Shape[]
}

export interface FieldShape {
  name: string
  type: Shape
  /** Undefined when there is none. */
  defaultValue(): unknown
}

const LEAVES = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes', 'fixed', 'enum'])

/** The type's shape; undefined when something in it is left to avsc (unions with named branches, logical types, errors). */
export function shapeOf(type: Type): Shape | undefined {
  const shape = type as unknown as Shape
  return isPlain(shape, new Set()) ? shape : undefined
}

/** `seen` for types that hold themselves. */
function isPlain(type: Shape, seen: Set<Shape>): boolean {
  if (seen.has(type) || LEAVES.has(type.typeName)) return true
  seen.add(type)
  switch (type.typeName) {
    case 'record': return type.fields.every((field) => field.name !== '__proto__' && isPlain(field.type, seen))
    case 'array': return isPlain(type.itemsType, seen)
    case 'map': return isPlain(type.valuesType, seen)
    case 'union:unwrapped': return type.types.every((branch) => isPlain(branch, seen))
    default: return false
  }
}
