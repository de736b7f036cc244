/** Whether the topics tell one story: no contradictions, in order, each input processed or dead-lettered. */
import { headerOf, isSame, placeOf, STAGES, type Read, type StageName, type TopicRecord, type Violation } from './evidence.ts'
import { EVENT_ID, grouped, type Input, type Ledger, type Letter } from './ledger.ts'

/** A topic may repeat a record, byte for byte; and one event has one event id on it (I2, I3). */
export function contradictingDuplicates({ evidence }: Ledger): Violation[] {
  const { checked, judged, kept, failed, versions } = evidence
  const differing = [checked, judged, kept, failed].flatMap((records) => [...grouped<TopicRecord>(records, eventIdOf)]
    .flatMap(([id, same]) => same.filter((record) => !isSame(record.key, same[0]!.key) || !isSame(record.value, same[0]!.value))
      .map((record) => `${placeOf(record)} and ${placeOf(same[0]!)} have the event id ${id} and other bytes`)))
  const renamed = [checked, judged, kept].flatMap((records) => [...grouped<Read<{ id: string }>>(records, ({ fact }) => fact?.id)]
    .filter(([, same]) => new Set(same.map(eventIdOf)).size > versions)
    .map(([id, same]) => `event ${id} has ${new Set(same.map(eventIdOf)).size} event ids at ${same.map(placeOf).join(', ')}`))
  return [...differing, ...renamed].map((detail) => ({ invariant: 'contradicting-duplicates', detail }))
}

function eventIdOf(record: TopicRecord): string | undefined {
  return headerOf(record, EVENT_ID)
}

/**
 * First occurrences keep the order of their inputs. `check` promises it for each key, in each partition that the key's
 * events go to; `first`, which decides one record after the other, for all events of a partition.
 */
export function orderInversions({ inputs }: Ledger): Violation[] {
  return [
    ...inversions(inputs.check, inputs.first, ({ partition, key }) => `${partition} ${key?.toString('latin1')}`),
    ...inversions(inputs.first, inputs.keep, ({ partition }) => String(partition)),
  ]
}

function inversions(inputs: Input[], outputs: Input[], lineOf: (record: TopicRecord) => string): Violation[] {
  const rankOf = new Map<string, { rank: number; line: string }>()
  firstOccurrences(inputs).forEach(({ id, record }, rank) => rankOf.set(id, { rank, line: lineOf(record) }))
  const last = new Map<string, { id: string; rank: number }>()
  return firstOccurrences(outputs).flatMap(({ id, record }) => {
    const input = rankOf.get(id)
    if (!input) return []
    const line = `${input.line} to ${record.partition}`
    const before = last.get(line)
    last.set(line, { id, rank: Math.max(input.rank, before?.rank ?? -1) })
    if (!before || before.rank < input.rank) return []
    return { invariant: 'order-inversions' as const, detail: `event ${id} came after ${before.id} at ${placeOf(record)}, and before it where it was read` }
  })
}

function firstOccurrences(inputs: Input[]): { id: string; record: TopicRecord }[] {
  const seen = new Set<string>()
  return inputs.flatMap(({ id, record }) => {
    if (id === undefined || seen.has(id)) return []
    seen.add(id)
    return { id, record }
  })
}

/** Each stage, each event that it was given: an output or a dead letter; and for each failure the letter with its bytes. */
export function neitherProcessedNorDead(ledger: Ledger): Violation[] {
  const letterOf = new Set(ledger.letters.map(({ of }) => placeOf(of)))
  return [
    ...STAGES.flatMap((stage) => fates(ledger, stage).filter(({ isDone, isBuried }) => !isDone && !isBuried)
      .map(({ id, places }) => `event ${id}, at ${places}, has neither an output nor a dead letter of ${stage}`)),
    ...ledger.evidence.failures.filter((failure) => !letterOf.has(placeOf(failure))).map((failure) => `the failure of ${failure.stage} at ${placeOf(failure)} has no dead letter`),
  ].map((detail) => ({ invariant: 'neither-processed-nor-dead', detail }))
}

export function bothProcessedAndDead(ledger: Ledger): Violation[] {
  const { rowIds, failuresOf } = ledger
  const both = STAGES.flatMap((stage) => fates(ledger, stage).filter(({ isDone, isBuried }) => isDone && isBuried)
    .map(({ id, places }) => ({ id, detail: `event ${id}, at ${places}, has an output and a dead letter of ${stage}` })))
  const known = new Set(both.map(({ id }) => id))
  const ends = [...rowIds].filter((id) => failuresOf.has(id) && !known.has(id)).map((id) => ({ detail: `event ${id} is a row and a failure of ${failuresOf.get(id)![0]!.stage}` }))
  return [...both, ...ends].map(({ detail }) => ({ invariant: 'both-processed-and-dead', detail }))
}

interface Fate { id: string; places: string; isDone: boolean; isBuried: boolean }

function fates({ inputs, done, buried }: Ledger, stage: StageName): Fate[] {
  return [...grouped(inputs[stage], ({ id }) => id)].map(([id, copies]) => {
    const places = copies.map(({ record }) => placeOf(record))
    return { id, places: places.join(' and '), isDone: done[stage].has(id), isBuried: places.some((place) => buried[stage].has(place)) }
  })
}

/** A dead letter is its original: key, value, time, and all of its headers (I6). */
export function deadLetterBytesDiffer({ letters, committedAt, abortedAt }: Ledger): Violation[] {
  return letters.filter(({ of }) => !abortedAt.has(placeOf(of))).flatMap((letter) => {
    const differing = differencesOf(letter, committedAt.get(placeOf(letter.of))?.record)
    return differing === '' ? [] : { invariant: 'dead-letter-bytes-differ' as const, detail: `${placeOf(letter.record)} is a dead letter of ${placeOf(letter.of)}, ${differing}` }
  })
}

function differencesOf({ record }: Letter, original: TopicRecord | undefined): string {
  if (!original) return 'where no record is'
  const kept = ([name, value]: [string, Buffer | null]): boolean => record.headers.some(([other, theirs]) => other === name && isSame(theirs, value))
  const differing = [
    ...(isSame(record.key, original.key) ? [] : ['key']), ...(isSame(record.value, original.value) ? [] : ['value']),
    ...(record.timestampMs === original.timestampMs ? [] : ['time']), ...(original.headers.every(kept) ? [] : ['headers']),
  ]
  return differing.length === 0 ? '' : `but not with its ${differing.join(', ')}`
}

/**
 * Nothing may come of a record whose transaction was aborted: no row, no failure, no dead letter. (An announcement has
 * the same event id whether it was made of the aborted record or of the one that took its place, and tells nothing.)
 */
export function abortedRecordsSeen({ evidence, letters, abortedAt }: Ledger): Violation[] {
  const { rows, failures, topics } = evidence
  return [
    ...rows.map((row) => ({ what: `row ${row.id}`, place: placeOf({ topic: topics.judged, ...row }) })),
    ...failures.map((failure) => ({ what: `a failure of ${failure.stage}`, place: placeOf(failure) })),
    ...letters.map(({ record, of }) => ({ what: `the dead letter ${placeOf(record)}`, place: placeOf(of) })),
  ].filter(({ place }) => abortedAt.has(place)).map(({ what, place }) => ({ invariant: 'aborted-records-seen', detail: `${what} comes from ${place}, which was aborted` }))
}
