/** Numbers of models in the table `model`: a name with its weights. */
import type { Embedding } from '#schemas'
import type { Query } from '#runtime/postgres/api.ts'

/** One object for each model, which rows share. */
export interface Model {
  readonly name: string
  readonly weightsSha256: Buffer
  readonly dimensions: number
}

/** A handful in a process's life; hostile records may name many. */
const MAX_MODELS = 1_000

const models = new Map<string, Model>()
let latest: Model | undefined

/** The model of a vector. */
export function modelOf({ model, weightsSha256, dimensions }: Embedding): Model {
  if (latest?.name !== model || !latest.weightsSha256.equals(weightsSha256)) latest = modelNamed(model, weightsSha256, dimensions)
  return latest
}

function modelNamed(name: string, weightsSha256: Buffer, dimensions: number): Model {
  const key = `${name} ${weightsSha256.toString('latin1')}`
  const known = models.get(key)
  if (known) return known
  if (models.size >= MAX_MODELS) models.clear()
  // A copy: the bytes may be a slice of something large.
  const model: Model = { name, weightsSha256: Buffer.from(weightsSha256), dimensions }
  models.set(key, model)
  return model
}

const SELECT = 'select id from model where name = $1 and weights_sha256 = $2'
const INSERT = 'insert into model (name, weights_sha256, dimensions) values ($1, $2, $3) on conflict do nothing'

/** The numbers that a database has given to models. */
export class ModelIds {
  readonly #known = new WeakMap<Model, number>()

  /** Learns the numbers of these; models not seen before are added. */
  async learn(models: Iterable<Model>, query: Query): Promise<void> {
    for (const model of models) if (!this.#known.has(model)) this.#known.set(model, await this.#lookUp(model, query))
  }

  numberOf(model: Model): number {
    return this.#known.get(model)!
  }

  async #lookUp({ name, weightsSha256, dimensions }: Model, query: Query): Promise<number> {
    const select = async (): Promise<number | undefined> => (await query<{ id: number }>(SELECT, [name, weightsSha256])).rows[0]?.id
    const known = await select()
    if (known !== undefined) return known
    await query(INSERT, [name, weightsSha256, dimensions])
    return (await select())!
  }
}
