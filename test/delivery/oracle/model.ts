/**
 * What stage `first` must have decided, by a model that knows nothing of the runtime: it goes through event.checked as
 * Kafka's own client reads it. The first event of a family is the original, the others are its copies; an event that
 * comes again changes nothing.
 */
import type { Made, Read, Remembered } from './evidence.ts'

/** The decision about one event, and the partition of event.checked that it was decided in. */
export interface Decided extends Remembered { partition: number }

/** Decisions by event id. `records` by partition and offset; without `refused`, the ids that the stage dead-lettered. */
export function decideAll(records: readonly Read<Made>[], refused: ReadonlySet<string>): Map<string, Decided> {
  const decided = new Map<string, Decided>()
  const originals = new Map<string, string>()
  for (const { fact, partition } of records) {
    if (fact === null || refused.has(fact.id) || decided.has(fact.id)) continue
    const family = `${partition}/${fact.family}`
    const original = originals.get(family) ?? null
    if (original === null) originals.set(family, fact.id)
    decided.set(fact.id, { id: fact.id, family: fact.family, of: original, partition })
  }
  return decided
}
