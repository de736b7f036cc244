/** Whether every event came to its one end: a row or a failure, the right one, announced. */
import { isSame, placeOf, type Failed, type Made, type Row, type Violation } from './evidence.ts'
import { grouped, idsOf, type Ledger } from './ledger.ts'

export function lostIds(ledger: Ledger): Violation[] {
  return [...lostByBroker(ledger), ...withoutEnd(ledger), ...untold(ledger)].map((detail) => ({ invariant: 'lost-ids', detail }))
}

/** What was acknowledged must be where the broker said, byte for byte. */
function lostByBroker({ evidence, committedAt }: Ledger): string[] {
  return evidence.produced.flatMap((each) => {
    const found = committedAt.get(placeOf(each))?.record
    if (found && isSame(found.key, each.keyBytes) && isSame(found.value, each.valueBytes)) return []
    return `event ${each.id} was acknowledged as ${placeOf(each)}, where ${found ? 'other bytes are' : 'nothing is'}`
  })
}

function withoutEnd({ inputs, rowIds, failuresOf, done }: Ledger): string[] {
  const lost = idsOf(inputs.check).filter((id) => !rowIds.has(id) && !failuresOf.has(id))
  return lost.map((id) => `event ${id} ended as neither row nor failure; seen last on ${done.first.has(id) ? 'judged' : done.check.has(id) ? 'checked' : 'made'}`)
}

/** Dead letters that became no failure, of events that ended otherwise: each letter is to be told. */
function untold({ evidence, inputs, letters, committedAt, rowIds, failuresOf }: Ledger): string[] {
  const failed = new Set(evidence.failures.map(placeOf))
  const ended = new Set(idsOf(inputs.check).filter((id) => rowIds.has(id) || failuresOf.has(id)))
  return letters.filter(({ of }) => !failed.has(placeOf(of)) && ended.has(committedAt.get(placeOf(of))?.id ?? ''))
    .map(({ record, of }) => `the dead letter ${placeOf(record)} of ${placeOf(of)} became no failure`)
}

export function doubledRows({ evidence }: Ledger): Violation[] {
  const doubled = [...grouped(evidence.rows, ({ id }) => id)].filter(([, rows]) => rows.length > 1)
  const again = [...grouped(evidence.insertions, ({ id }) => id)].filter(([, all]) => all.length > 1)
  return [
    ...doubled.map(([id, rows]) => ({ invariant: 'doubled-rows' as const, detail: `event ${id} has ${rows.length} rows` })),
    ...again.filter(([id]) => !doubled.some(([known]) => known === id))
      .map(([id, all]) => ({ invariant: 'doubled-rows' as const, detail: `the row of event ${id} was inserted ${all.length} times, in transactions ${all.map(({ transaction }) => transaction).join(', ')}` })),
  ]
}

/** Rows against the model, and failures against what must and may fail. */
export function wrongRows(ledger: Ledger): Violation[] {
  const { evidence, committedAt, abortedAt } = ledger
  const made = new Map(evidence.made.flatMap(({ fact }) => (fact ? [[fact.id, fact] as const] : [])))
  const undecodable = [...evidence.checked, ...evidence.judged].filter(({ fact }) => fact === null).map((record) => `${placeOf(record)} cannot be decoded`)
  const strayFailures = evidence.failures.filter((failure) => !committedAt.has(placeOf(failure)) && !abortedAt.has(placeOf(failure)))
  return [
    ...undecodable,
    ...evidence.rows.flatMap((row) => faultsOf(row, made.get(row.id), ledger)),
    ...strayFailures.map((failure) => `a failure of ${failure.stage} tells of ${placeOf(failure)}, where no record is`),
    ...wrongEnds(ledger),
  ].map((detail) => ({ invariant: 'wrong-rows', detail }))
}

function faultsOf(row: Row, made: Made | undefined, { evidence, decided, committedAt, abortedAt }: Ledger): string[] {
  const expected = decided.get(row.id)
  if (!made || !expected) return [`there is a row ${row.id}, of an event that was ${made ? 'never judged' : 'never made'}`]
  const place = placeOf({ topic: evidence.topics.judged, ...row })
  const told = committedAt.get(place)?.id
  const wanted = { key: made.key, family: made.family, seq: made.seq, weight: made.weight, verdict: expected.of === null ? 'original' : 'copy', of: expected.of }
  const differing = (Object.keys(wanted) as (keyof typeof wanted)[]).filter((name) => row[name] !== wanted[name])
  return [
    ...differing.map((name) => `row ${row.id} has ${name} ${row[name]} instead of ${wanted[name]}`),
    ...(told === row.id || abortedAt.has(place) ? [] : [`row ${row.id} says it comes from ${place}, where ${told ? `event ${told}` : 'nothing'} is`]),
  ]
}

/** Poison, and what the database refuses, must have failed; a healthy event may fail for the codes that the round allows. */
function wrongEnds({ evidence, rowIds, failuresOf }: Ledger): string[] {
  return evidence.produced.flatMap(({ id, poison, refusedByDatabase }) => {
    if (poison !== undefined) return rowIds.has(id) ? [`event ${id} is poison (${poison}) and became a row`] : []
    const failures = failuresOf.get(id) ?? []
    if (refusedByDatabase) return rowIds.has(id) ? [`event ${id} became a row, which the database refuses`] : []
    return failures.filter(({ code }) => !evidence.mayGiveUp.includes(code)).map((failure) => `event ${id} is healthy and failed in ${failure.stage}: ${failure.code}`)
  })
}

export function unannounced(ledger: Ledger): Violation[] {
  const { evidence } = ledger
  const kept = new Set(evidence.kept.map(({ fact }) => fact?.id))
  const told = new Set(evidence.failed.flatMap(({ fact }) => (fact ? [`${fact.stage} ${fact.stage === evidence.stages.keep ? fact.key : placeOf(fact)}`] : [])))
  const silent = [
    ...evidence.rows.filter(({ id }) => !kept.has(id)).map(({ id }) => `row ${id}`),
    ...evidence.failures.filter((failure) => !told.has(`${failure.stage} ${nameOf(failure, ledger)}`)).map((failure) => `failure of ${failure.stage} at ${placeOf(failure)}`),
  ]
  return silent.map((what) => ({ invariant: 'unannounced', detail: `${what} was never announced` }))
}

/** By what a failure is known on event.failed. */
function nameOf(failure: Failed, { evidence, committedAt }: Ledger): string {
  const place = placeOf(failure)
  return failure.stage === evidence.stages.keep ? committedAt.get(place)?.id ?? place : place
}
