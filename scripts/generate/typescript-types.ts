/** TypeScript interfaces for Avro schemas, in the form that the codec decodes to. */
import type { Avro } from './compose-schemas.ts'

const PRIMITIVES: Record<string, string> = {
  null: 'null', boolean: 'boolean', int: 'number', long: 'number', float: 'number', double: 'number',
  bytes: 'Buffer', string: 'string',
}

type Complex = { type: unknown; name?: string; doc?: string; fields?: Field[]; items?: Avro; values?: Avro; symbols?: string[] }
interface Field { name: string; type: Avro; doc?: string }

/** One TypeScript file with an interface for every named record among `schemas`, each once. */
export function renderTypes(schemas: Map<string, Avro>): string {
  const seen = new Map<string, string>()
  for (const schema of schemas.values()) render(schema, seen)
  return [
    '/** Generated from schemas by `npm run generate`. Do not edit. */',
    '', ...[...seen.values()],
  ].join('\n')
}

function render(schema: Avro, seen: Map<string, string>): string {
  if (typeof schema === 'string') return PRIMITIVES[schema] ?? schema
  if (Array.isArray(schema)) return schema.map((branch) => render(branch, seen)).join(' | ')
  return renderComplex(schema as Complex, seen)
}

function renderComplex(schema: Complex, seen: Map<string, string>): string {
  switch (schema.type) {
    case 'record': return renderRecord(schema, seen)
    case 'fixed': return declare(schema.name!, `/** ${schema.name} on the wire: fixed length. */\nexport type ${schema.name} = Buffer\n`, seen)
    case 'array': return `${parenthesised(render(schema.items!, seen))}[]`
    case 'map': return `Record<string, ${render(schema.values!, seen)}>`
    case 'enum': return schema.symbols!.map((symbol) => `'${symbol}'`).join(' | ')
    default: return render(schema.type as Avro, seen)
  }
}

function renderRecord(schema: Complex, seen: Map<string, string>): string {
  const lines = schema.fields!.map((field) => {
    const doc = field.doc ? `  /** ${field.doc} */\n` : ''
    return `${doc}  ${field.name}: ${render(field.type, seen)}`
  })
  const doc = schema.doc ? `/** ${schema.doc} */\n` : ''
  return declare(schema.name!, `${doc}export interface ${schema.name} {\n${lines.join('\n')}\n}\n`, seen)
}

function declare(name: string, text: string, seen: Map<string, string>): string {
  if (!seen.has(name)) seen.set(name, text)
  return name
}

function parenthesised(type: string): string {
  return type.includes('|') ? `(${type})` : type
}
