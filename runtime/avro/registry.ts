/** The schema registry, over the registry client; its own codec is not used (`reference`: see DESIGN.md, decisions). */
import { COMPATIBILITY, SchemaRegistry as Client, SchemaType } from '@kafkajs/confluent-schema-registry'
import { Reject, RetryLater, reasonOf } from '../errors.ts'

export interface Registry {
  /** Id of a schema that was registered under the subject; undefined when it was not. */
  idOf(subject: string, schema: object): Promise<number | undefined>
  /** The schema with this id, as parsed JSON. @throws Reject `record.unknown-schema`, RetryLater `registry.unreachable` */
  schemaOf(id: number): Promise<object>
  /** Registers with BACKWARD_TRANSITIVE set on the subject. Rejects when the registry finds it incompatible. */
  register(subject: string, schema: object): Promise<number>
  /** The newest schema under the subject; undefined when there is none. */
  latest(subject: string): Promise<object | undefined>
}

const COMPATIBLE = COMPATIBILITY.BACKWARD_TRANSITIVE

export function connectRegistry(url: string): Registry {
  const client = new Client({ host: url, retry: { retries: 2, initialRetryTimeInSecs: 0.1, maxRetryTimeInSecs: 1 } })
  const confluent = (schema: object) => ({ type: SchemaType.AVRO as const, schema: JSON.stringify(schema) })
  return {
    idOf: (subject, schema) => absentAsUndefined(() => client.getRegistryIdBySchema(subject, confluent(schema))),
    schemaOf: (id) => schemaById(client, id),
    async register(subject, schema) {
      return (await client.register(confluent(schema), { subject, compatibility: COMPATIBLE })).id
    },
    latest: (subject) => absentAsUndefined(async () => schemaById(client, await client.getLatestSchemaId(subject))),
  }
}

async function schemaById(client: Client, id: number): Promise<object> {
  try {
    const type = (await client.getSchema(id)) as unknown as { schema(options: object): object }
    return JSON.parse(JSON.stringify(type.schema({ exportAttrs: true })))
  } catch (error) {
    if (statusOf(error) === 404) throw new Reject('record.unknown-schema', `The registry has no schema ${id}.`, { cause: error })
    throw unreachable(error)
  }
}

async function absentAsUndefined<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call()
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw unreachable(error)
  }
}

function unreachable(error: unknown): RetryLater {
  return error instanceof RetryLater ? error : new RetryLater('registry.unreachable', `The schema registry did not answer: ${reasonOf(error)}`, { cause: error })
}

/** The client wraps a 404 on the search for a schema, and drops its status on the way. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof Error && error.name === 'ConfluentSchemaRegistryError') return 404
  return typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : undefined
}
