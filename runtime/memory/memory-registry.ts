/** A schema registry in memory, for tests. It gives the same id to the same schema, and checks no compatibility. */
import { Reject } from '../errors.ts'
import type { Registry } from '../avro/registry.ts'

export class MemoryRegistry implements Registry {
  readonly #schemas: string[] = []
  readonly #latest = new Map<string, string>()
  /** Number of `schemaOf` calls. */
  lookups = 0

  async idOf(_subject: string, schema: object): Promise<number | undefined> {
    const index = this.#schemas.indexOf(JSON.stringify(schema))
    return index < 0 ? undefined : index + 1
  }

  async schemaOf(id: number): Promise<object> {
    this.lookups += 1
    const schema = this.#schemas[id - 1]
    if (schema === undefined) throw new Reject('record.unknown-schema', `The registry has no schema ${id}.`)
    return JSON.parse(schema)
  }

  async register(subject: string, schema: object): Promise<number> {
    const text = JSON.stringify(schema)
    if (!this.#schemas.includes(text)) this.#schemas.push(text)
    this.#latest.set(subject, text)
    return this.#schemas.indexOf(text) + 1
  }

  async latest(subject: string): Promise<object | undefined> {
    const text = this.#latest.get(subject)
    return text === undefined ? undefined : JSON.parse(text)
  }
}

/** A registry that holds the schemas of these topics. */
export async function registryOf(topics: { name: string; schema: object }[]): Promise<MemoryRegistry> {
  const registry = new MemoryRegistry()
  for (const { name, schema } of topics) await registry.register(`${name}-value`, schema)
  return registry
}
