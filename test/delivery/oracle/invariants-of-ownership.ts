/** Whether only owners wrote: the state, the sink's progress, and the positions of the groups. */
import { placeOf, STAGES, type Coordinates, type Insertion, type Move, type StageName, type Violation } from './evidence.ts'
import { grouped, type Ledger } from './ledger.ts'

/** The changelog, compacted, is the state that the model computes; and no decision was ever changed. */
export function stateDiffers({ evidence, decided }: Ledger): Violation[] {
  const byId = grouped(evidence.changelog, ({ fact }) => fact?.id)
  const undecodable = evidence.changelog.filter(({ fact }) => fact === null).map((record) => `${placeOf(record)} cannot be decoded`)
  const changed = [...byId].flatMap(([id, entries]) => entries.filter(({ value }) => !value!.equals(entries[0]!.value!))
    .map((entry) => `event ${id} was decided again and otherwise at ${placeOf(entry)}`))
  const wrong = [...byId].flatMap(([id, entries]) => {
    const { fact, partition } = entries.at(-1)!
    const expected = decided.get(id)
    if (!expected) return [`the state has event ${id}, which was never decided`]
    const isRight = fact!.family === expected.family && fact!.of === expected.of && partition === expected.partition
    return isRight ? [] : [`the state has event ${id} in ${partition} as ${toText(fact!.of)} instead of, in ${expected.partition}, ${toText(expected.of)}`]
  })
  const missing = [...decided.keys()].filter((id) => !byId.has(id)).map((id) => `the state lacks event ${id}`)
  return [...undecodable, ...changed, ...wrong, ...missing].map((detail) => ({ invariant: 'state-differs', detail }))
}

function toText(of: string | null): string {
  return of === null ? 'an original' : `a copy of ${of}`
}

/**
 * Every row is inserted by a transaction that also moves the progress over its record, and progress is moved by the
 * session that claimed it. A zombie's commit breaks one or the other.
 */
export function rowsFromZombieEpoch({ evidence }: Ledger): Violation[] {
  const { moves, insertions, rows } = evidence
  const byTransaction = grouped(moves, ({ transaction }) => transaction)
  const strangers = moves.filter(({ by, owner }) => by !== owner).map((move) => `${move.by} moved ${move.topic}/${move.partition} to ${move.to}, which ${move.owner} had claimed with epoch ${move.epoch}`)
  const uncovered = insertions.filter((each) => !byTransaction.get(each.transaction)?.some((move) => covers(move, each, evidence.topics.judged)))
    .map(({ id, partition, offset, transaction }) => `row ${id} of offset ${offset} was inserted by transaction ${transaction}, which did not move ${partition} over it`)
  const inserted = new Set(insertions.map(({ id }) => id))
  const unseen = rows.filter(({ id }) => !inserted.has(id)).map(({ id }) => `row ${id} was written behind the witness`)
  return [...strangers, ...uncovered, ...unseen].map((detail) => ({ invariant: 'rows-from-zombie-epoch', detail }))
}

function covers({ topic, partition, from, to }: Move, row: Insertion, judged: string): boolean {
  return topic === judged && partition === row.partition && (from ?? 0) <= row.offset && row.offset < to
}

/** Progress never goes back, nor do epochs, and each change begins where the one before it ended. */
export function progressMovedBack({ evidence }: Ledger): Violation[] {
  return [...grouped(evidence.moves, ({ topic, partition }) => `${topic}/${partition}`)].flatMap(([partition, moves]) => moves.flatMap((move, i) => {
    const before = moves[i - 1]
    const faults = [
      ...(move.from !== null && move.to < move.from ? [`moved back from ${move.from} to ${move.to}`] : []),
      ...(move.epochBefore !== null && move.epoch < move.epochBefore ? [`fell from epoch ${move.epochBefore} to ${move.epoch}`] : []),
      ...(before && move.from !== before.to ? [`began at ${move.from} after ${before.to}`] : []),
    ]
    return faults.map((fault) => ({ invariant: 'progress-moved-back' as const, detail: `${partition} ${fault}, by ${move.by}` }))
  }))
}

/** Everything below a group's position, or a sink's, is processed or dead-lettered (I1). */
export function positionAhead(ledger: Ledger): Violation[] {
  const { evidence, inputs, done, buried } = ledger
  return STAGES.flatMap((stage) => {
    const positions = highest([...evidence.positions[stage], ...(stage === 'keep' ? evidence.moves.map(({ topic, partition, to }) => ({ topic, partition, offset: to })) : [])])
    const unjustified = inputs[stage].filter(({ id, record }) => record.offset < (positions.get(lineOf(record)) ?? 0) && !(id !== undefined && done[stage].has(id)) && !buried[stage].has(placeOf(record)))
    return [...unjustified.map(({ record }) => ahead(stage, positions.get(lineOf(record))!, `${placeOf(record)}, of which nothing came`)), ...beyondEnds(ledger, stage, positions)]
  })
}

function beyondEnds({ evidence }: Ledger, stage: StageName, positions: Map<string, number>): Violation[] {
  return evidence.ends.filter((end) => (positions.get(lineOf(end)) ?? 0) > end.offset).map((end) => ahead(stage, positions.get(lineOf(end))!, `the end, ${placeOf(end)}`))
}

function ahead(stage: StageName, position: number, what: string): Violation {
  return { invariant: 'position-ahead', detail: `${stage} stands at ${position}, beyond ${what}` }
}

function highest(positions: Coordinates[]): Map<string, number> {
  const highest = new Map<string, number>()
  for (const each of positions) highest.set(lineOf(each), Math.max(each.offset, highest.get(lineOf(each)) ?? 0))
  return highest
}

function lineOf({ topic, partition }: Coordinates | { topic: string; partition: number }): string {
  return `${topic}/${partition}`
}
