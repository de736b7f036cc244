/** Numbers of models in the table `model`: a name with its weights. */
import type { Embedding } from '#schemas'
import type { Query } from '#runtime/postgres/api.ts'

const SELECT = 'select id from model where name = $1 and weights_sha256 = $2'
const INSERT = 'insert into model (name, weights_sha256, dimensions) values ($1, $2, $3) on conflict do nothing'

/** A handful in a process's life. */
export class ModelIds {
  readonly #known = new Map<string, number>()

  static keyOf({ model, weightsSha256 }: Embedding): string {
    return `${model} ${weightsSha256.toString('latin1')}`
  }

  /** Numbers by `keyOf`; models not seen before are added. */
  async numbersOf(embeddings: Iterable<Embedding>, query: Query): Promise<ReadonlyMap<string, number>> {
    for (const embedding of embeddings) {
      const key = ModelIds.keyOf(embedding)
      if (!this.#known.has(key)) this.#known.set(key, await this.#lookUp(embedding, query))
    }
    return this.#known
  }

  async #lookUp({ model, weightsSha256, dimensions }: Embedding, query: Query): Promise<number> {
    const select = async (): Promise<number | undefined> => (await query<{ id: number }>(SELECT, [model, weightsSha256])).rows[0]?.id
    const known = await select()
    if (known !== undefined) return known
    await query(INSERT, [model, weightsSha256, dimensions])
    return (await select())!
  }
}
