/**
 * Values by the registry's own schemas: plain fetch and avsc, nothing of `runtime/avro`, so that a defect there is not
 * shared. Confluent wire format: a zero, the schema id as uint32 in network order, the Avro body.
 */
import { createRequire } from 'node:module'
import type { Type } from 'avsc'
import type { Read, TopicRecord } from './evidence.ts'

const avro = createRequire(import.meta.url)('avsc') as typeof import('avsc')

const HEADER_BYTES = 5

export class Decoder {
  readonly #registryUrl: string
  /** Null: the registry has no schema of this id. */
  readonly #types = new Map<number, Type | null>()

  constructor(registryUrl: string) {
    this.#registryUrl = registryUrl
  }

  /** Each record with its value; null for a value that is missing or cannot be decoded. @throws Error when the registry is away */
  async all<Fact>(records: readonly TopicRecord[]): Promise<Read<Fact>[]> {
    for (const id of new Set(records.flatMap(({ value }) => schemaId(value) ?? []))) await this.#fetch(id)
    return records.map((record) => ({ ...record, fact: this.#decode(record.value) as Fact | null }))
  }

  #decode(value: Buffer | null): unknown {
    const type = this.#types.get(schemaId(value) ?? -1)
    if (!type) return null
    try {
      return type.fromBuffer(value!.subarray(HEADER_BYTES))
    } catch {
      return null // Poison is what this workload is for; whoever needs the value reports that it is not there.
    }
  }

  async #fetch(id: number): Promise<void> {
    if (this.#types.has(id)) return
    const response = await fetch(`${this.#registryUrl}/schemas/ids/${id}`, { signal: AbortSignal.timeout(10_000) })
    if (!response.ok && response.status !== 404) throw new Error(`the registry answered ${response.status} for schema ${id}`)
    const answer = response.ok ? ((await response.json()) as { schema: string }) : undefined
    this.#types.set(id, answer ? avro.Type.forSchema(JSON.parse(answer.schema)) : null)
  }
}

function schemaId(value: Buffer | null): number | undefined {
  return value !== null && value.length >= HEADER_BYTES && value[0] === 0 ? value.readUInt32BE(1) : undefined
}
