/** Cards by model id, for stages that need what a card says but not the model itself. */
import { readFileSync } from 'node:fs'
import { defineService } from '../runtime/define/service.ts'
import { Halt } from '../runtime/errors.ts'
import { MODEL_ID, type ModelCard } from './card.ts'
import { knownCard } from './catalogue.ts'
import { cardPath, checkedCard } from './store.ts'

export interface ModelCards {
  /**
   * The card of a model: as installed, else as this program knows it. A found card is kept, so that an answer never
   * changes within a process.
   * @throws Halt `model.unknown`, `model.card-invalid`
   */
  card(id: string): ModelCard
}

export const models = defineService<ModelCards>({
  name: 'models',
  open: ({ config }) => modelCards(config.modelsDir),
})

/** Bounded: a model gets in only by its card. */
export function modelCards(dir: string): ModelCards {
  const cards = new Map<string, ModelCard>()
  return {
    card(id) {
      const card = cards.get(id) ?? knownCard(id) ?? readInstalled(dir, id)
      cards.set(id, card)
      return card
    },
  }
}

function readInstalled(dir: string, id: string): ModelCard {
  try {
    if (MODEL_ID.test(id)) return checkedCard(cardPath(dir, id), id, readFileSync(cardPath(dir, id), 'utf8'))
  } catch (error) {
    if (error instanceof Halt) throw error
    throw unknown(dir, id, error)
  }
  throw unknown(dir, id)
}

function unknown(dir: string, id: string, cause?: unknown): Halt {
  return new Halt('model.unknown', `No card of the model ${JSON.stringify(id)} is in ${dir}`, `Install it on this machine too: sluice model add FILE --id ${id} --card card.json`, { cause })
}
