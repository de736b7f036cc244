/** A round's evidence with the look-ups that the invariants need. */
import type { Coordinates, Evidence, Failed, StageName, TopicRecord } from './evidence.ts'
import { headerOf, placeOf, STAGES } from './evidence.ts'
import { decideAll, type Decided } from './model.ts'

export const EVENT_ID = 'event-id'

/** An input of a stage, with the id of its event; without one when it should have been decoded and cannot be. */
export interface Input { id: string | undefined; record: TopicRecord }

/** A dead letter and the coordinates of the record that it says it is. */
export interface Letter { stage: StageName; record: TopicRecord; of: Coordinates }

export interface Ledger {
  evidence: Evidence
  inputs: Record<StageName, Input[]>
  /** Ids of which the stage has made an output; of `keep`, a row. */
  done: Record<StageName, Set<string>>
  letters: Letter[]
  /** Places of inputs that the stage dead-lettered. */
  buried: Record<StageName, Set<string>>
  /** Committed records of the topics that stages read, by place. */
  committedAt: Map<string, Input>
  abortedAt: Set<string>
  /** Failures by the id of their event; those of no known record are left out. */
  failuresOf: Map<string, Failed[]>
  rowIds: Set<string>
  decided: Map<string, Decided>
}

export function ledgerOf(evidence: Evidence): Ledger {
  const { made, checked, judged, rows, aborted } = evidence
  const inputs: Ledger['inputs'] = {
    // Poison cannot be decoded; the generator put the id into a header too.
    check: made.map((record) => ({ id: headerOf(record, EVENT_ID), record })),
    first: checked.map((record) => ({ id: record.fact?.id, record })),
    keep: judged.map((record) => ({ id: record.fact?.id, record })),
  }
  const letters = STAGES.flatMap((stage) => evidence.dead[stage].map((record) => ({ stage, record, of: originOf(record) })))
  const buried = byStage((name) => new Set(letters.filter(({ stage }) => stage === name).map(({ of }) => placeOf(of))))
  const committedAt = new Map(STAGES.flatMap((stage) => inputs[stage]).map((input) => [placeOf(input.record), input]))
  const rowIds = new Set(rows.map(({ id }) => id))
  return {
    evidence, inputs, letters, buried, committedAt, rowIds,
    done: { check: new Set(idsOf(inputs.first)), first: new Set(idsOf(inputs.keep)), keep: rowIds },
    abortedAt: new Set(aborted.map(placeOf)),
    failuresOf: failuresById(evidence.failures, committedAt),
    decided: decideAll(checked, new Set(idsOf(inputs.first.filter(({ record }) => buried.first.has(placeOf(record)))))),
  }
}

export function byStage<T>(of: (stage: StageName) => T): Record<StageName, T> {
  return { check: of('check'), first: of('first'), keep: of('keep') }
}

/** Items by a key, each list in the order of the items. */
export function grouped<T>(items: readonly T[], keyOf: (item: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    if (key === undefined) continue
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}

/** Without repeats. */
export function idsOf(inputs: readonly Input[]): string[] {
  return [...new Set(inputs.flatMap(({ id }) => id ?? []))]
}

function originOf(letter: TopicRecord): Coordinates {
  return { topic: headerOf(letter, 'dead-topic') ?? '', partition: Number(headerOf(letter, 'dead-partition')), offset: Number(headerOf(letter, 'dead-offset')) }
}

function failuresById(failures: readonly Failed[], committedAt: Ledger['committedAt']): Map<string, Failed[]> {
  return grouped(failures, (failure) => committedAt.get(placeOf(failure))?.id)
}
