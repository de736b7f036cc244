/** What must hold when everything has come to an end: logs, rows and state against the plain model. */
import type { SourceRecord } from '#runtime/loop/ports.ts'
import { partitionKey } from '#runtime/loop/partition-key.ts'
import type { Broker } from '../broker/broker.ts'
import type { Database } from '../database.ts'
import type { Violations } from '../violations.ts'
import { digestOf, UNWANTED, type Checked, type Failed, type Judged, type Kept, type Made, type Remembered } from '../workload/topology.ts'
import { eventIdOf, FamilyModel, fateOfMade, originOf, outputIdOf, parse, placeOf } from './fates.ts'

export interface Finished { broker: Broker; database: Database; violations: Violations }

export function judge(world: Finished): void {
  judgeCheck(world)
  const judged = judgeFirst(world)
  judgeKeep(world, judged)
  for (const topic of ['event.checked', 'event.judged', 'event.kept']) judgeCopies(world, topic)
}

/** Every made record is checked or dead, exactly one of them; each key keeps its order. */
function judgeCheck({ broker, violations }: Finished): void {
  const checked = Map.groupBy(broker.committedRecords('event.checked'), eventIdOf)
  const dead = Map.groupBy(broker.committedRecords('check.dead'), ({ headers }) => originOf(headers))
  const expected = new Set<string>()
  for (const input of broker.committedRecords('event.made')) {
    const { event, code } = fateOfMade(input)
    const letters = dead.get(placeOf(input)) ?? []
    dead.delete(placeOf(input))
    if (event) {
      expected.add(outputIdOf('check', input))
      judgeHealthy(violations, input, event, checked.get(outputIdOf('check', input)) ?? [], letters)
    } else {
      if (letters.length === 0) violations.add('neither-processed-nor-dead', `${placeOf(input)} must be dead (${code})`)
      for (const letter of letters) judgeLetter(violations, input, letter, code)
    }
  }
  for (const id of checked.keys()) if (!expected.has(id)) violations.add('wrong-outputs', `event.checked holds ${id}, which no made event leads to`)
  for (const origin of dead.keys()) violations.add('wrong-outputs', `check.dead holds a letter of ${origin}, which was never made`)
  judgeKeyOrder(broker, violations)
}

function judgeHealthy(violations: Violations, input: SourceRecord, event: Made, outputs: SourceRecord[], letters: SourceRecord[]): void {
  const what = `${event.id} (${placeOf(input)})`
  if (outputs.length === 0 && letters.length === 0) violations.add('lost-ids', `${what} was made, and is neither checked nor dead`)
  if (letters.length > 0) violations.add('both-processed-and-dead', `${what} is healthy, but check gave it up: ${String(letters[0]!.headers.get('dead-code'))}`)
  for (const output of outputs) judgeValue(violations, output, { ...event, digest: digestOf(event) }, event.family)
}

/** Answers in the order of the partition, once for each checked record that counts; the changelog holds just them. */
function judgeFirst({ broker, violations }: Finished): SourceRecord[] {
  const judged = Map.groupBy(broker.committedRecords('event.judged'), eventIdOf)
  const model = new FamilyModel()
  const copies = new Map<string, number>()
  for (const input of broker.committedRecords('event.checked')) {
    const event = parse<Checked>(input.value)!
    const { verdict, of } = model.answer(event)
    const id = outputIdOf('first', input)
    copies.set(id, (copies.get(id) ?? 0) + 1)
    for (const output of judged.get(id) ?? []) judgeValue(violations, output, { ...event, verdict, of }, event.family)
  }
  for (const [id, count] of copies) {
    const found = judged.get(id)?.length ?? 0
    if (found < count) violations.add('lost-ids', `event.judged holds ${found} of ${count} answers ${id}`)
    if (found > count) violations.add('doubled-outputs', `event.judged holds ${found} instead of ${count} answers ${id}`)
  }
  for (const id of judged.keys()) if (!copies.has(id)) violations.add('wrong-outputs', `event.judged holds ${id}, which no checked event leads to`)
  if (broker.committedRecords('first.dead').length > 0) violations.add('both-processed-and-dead', 'first gave records up, and none was at fault')
  judgeState(broker, violations, model)
  return [...judged.values()].flat()
}

function judgeState(broker: Broker, violations: Violations, model: FamilyModel): void {
  const remembered = new Map<string, Remembered>()
  for (const { key, value } of broker.committedRecords('event.remembered')) {
    if (key!.toString() === '__barrier') continue
    const entry = parse<Remembered>(value)!
    if (remembered.has(entry.id)) violations.add('state-differs', `the changelog holds ${entry.id} twice`)
    remembered.set(entry.id, entry)
  }
  for (const [id, { family, of }] of model.answers) {
    const entry = remembered.get(id)
    if (!entry) violations.add('state-differs', `the changelog lacks ${id}`)
    else if (entry.of !== of || entry.family !== family) violations.add('state-differs', `the changelog says ${JSON.stringify(entry)} of ${id}, the model ${JSON.stringify(of)}`)
  }
  for (const id of remembered.keys()) if (!model.answers.has(id)) violations.add('state-differs', `the changelog holds ${id}, which was never decided`)
}

interface Ends {
  violations: Violations
  database: Database
  kept: Set<string>
  /** Announced, by stage and coordinates. */
  failed: Set<string>
  /** In the table, by stage and coordinates. */
  failures: Set<string>
  /** Coordinates of which `keep.dead` has the bytes. */
  letters: Set<string>
}

/** One row or one failure for each event, the expected one, and each announced; nothing else. */
function judgeKeep({ broker, database, violations }: Finished, judged: SourceRecord[]): void {
  const ends: Ends = {
    violations, database,
    kept: new Set(broker.committedRecords('event.kept').map(({ value }) => parse<Kept>(value)!.id)),
    failed: new Set(broker.committedRecords('event.failed').map(({ value }) => failureKey(parse<Failed>(value)!))),
    failures: new Set([...database.failures.values()].map(failureKey)),
    letters: new Set(broker.committedRecords('keep.dead').map(({ headers }) => originOf(headers))),
  }
  for (const input of judged) judgeEnd(ends, input, parse<Judged>(input.value)!)
  for (const { headers } of broker.committedRecords('check.dead')) judgeFailure(ends, `check ${originOf(headers)}`, 'a dead letter')
  judgeNothingElse(ends, judged, broker)
  judgeLetters(judged, broker, violations)
}

function judgeEnd(ends: Ends, input: SourceRecord, event: Judged): void {
  const { violations, database, kept, letters } = ends
  const row = database.rows.get(event.id)
  if (event.weight < 0) {
    judgeFailure(ends, failureKey({ stage: 'keep', ...input }), `${event.id} of weight ${event.weight}`)
    if (row) violations.add('wrong-rows', `${event.id} is a row in spite of its weight ${event.weight}`)
    if (!letters.has(placeOf(input))) violations.add('neither-processed-nor-dead', `${event.id} (${placeOf(input)}) has no dead letter of keep`)
    return
  }
  if (!row) violations.add('lost-ids', `${event.id} (${placeOf(input)}) was judged, and is no row`)
  else if (row.verdict !== event.verdict || row.of !== event.of) violations.add('wrong-rows', `row ${event.id} says ${row.verdict} of ${row.of}, event.judged ${event.verdict} of ${event.of}`)
  if (!kept.has(event.id)) violations.add('unannounced', `row ${event.id}`)
}

function judgeFailure({ violations, failures, failed }: Ends, key: string, what: string): void {
  if (!failures.has(key)) violations.add('neither-processed-nor-dead', `${key} is no failure: ${what}`)
  if (!failed.has(key)) violations.add('unannounced', `failure ${key}`)
}

function judgeNothingElse({ violations, database, kept, failed, failures }: Ends, judged: SourceRecord[], broker: Broker): void {
  const ids = new Set(judged.map(({ value }) => parse<Judged>(value)!.id))
  const causes = new Set([...judged.map((input) => failureKey({ stage: 'keep', ...input })), ...broker.committedRecords('check.dead').map(({ headers }) => `check ${originOf(headers)}`)])
  for (const [id, row] of database.rows) if (!ids.has(id)) violations.add('aborted-records-seen', `row ${id} (${placeOf(row)}) comes from no judged event that counts`)
  for (const key of failures) if (!causes.has(key)) violations.add('wrong-rows', `failure ${key} has no cause`)
  for (const id of kept) if (!database.rows.has(id)) violations.add('wrong-outputs', `${id} was announced as kept, and is no row`)
  for (const key of failed) if (!failures.has(key)) violations.add('wrong-outputs', `${key} was announced as failed, and is no failure`)
}

function judgeLetters(judged: SourceRecord[], broker: Broker, violations: Violations): void {
  const inputs = new Map(judged.map((record) => [placeOf(record), record]))
  for (const letter of broker.committedRecords('keep.dead')) {
    const input = inputs.get(originOf(letter.headers))
    if (!input) violations.add('aborted-records-seen', `keep.dead holds a letter of ${originOf(letter.headers)}, where no record counts`)
    else judgeLetter(violations, input, letter, parse<Judged>(input.value)!.weight === UNWANTED ? 'keep.unwanted' : 'keep.refused-row')
  }
}

function failureKey(failure: { stage: string; topic: string; partition: number; offset: number }): string {
  return `${failure.stage} ${placeOf(failure)}`
}

function judgeValue(violations: Violations, output: SourceRecord, expected: object, key: string): void {
  const found = JSON.stringify(parse(output.value))
  if (found !== JSON.stringify(expected)) violations.add('wrong-outputs', `${placeOf(output)} is ${found}, not ${JSON.stringify(expected)}`)
  if (output.key?.toString() !== key) violations.add('wrong-outputs', `${placeOf(output)} has another key than ${JSON.stringify(key)}`)
}

function judgeLetter(violations: Violations, input: SourceRecord, letter: SourceRecord, code: string): void {
  const isSame = equal(input.key, letter.key) && equal(input.value, letter.value)
  if (!isSame) violations.add('dead-letter-bytes-differ', `${placeOf(letter)} is not what ${placeOf(input)} was`)
  const found = String(letter.headers.get('dead-code'))
  if (found !== code) violations.add('wrong-outputs', `${placeOf(input)} was given up with ${found} instead of ${code}`)
}

/** Records with one event id are equal in key and value. */
function judgeCopies({ broker, violations }: Finished, topic: string): void {
  for (const [id, copies] of Map.groupBy(broker.committedRecords(topic), eventIdOf)) {
    const odd = copies.find((copy) => !equal(copy.key, copies[0]!.key) || !equal(copy.value, copies[0]!.value))
    if (odd) violations.add('contradicting-duplicates', `${placeOf(odd)} and ${placeOf(copies[0]!)} have the event id ${id} and other bytes`)
  }
}

/** First occurrences of a key's events keep their order in each partition. */
function judgeKeyOrder(broker: Broker, violations: Violations): void {
  for (const id of broker.partitionsOf('event.checked')) {
    const newest = new Map<string, number>()
    const seen = new Set<string>()
    for (const record of broker.log(id).committedRecords()) {
      const event = parse<Checked>(record.value)
      if (!event || seen.has(event.id)) continue
      seen.add(event.id)
      if (event.seq < (newest.get(event.key) ?? 0)) violations.add('order-inversions', `${partitionKey(id)}: ${event.id}, number ${event.seq} of ${event.key}, came after number ${newest.get(event.key)}`)
      newest.set(event.key, Math.max(event.seq, newest.get(event.key) ?? 0))
    }
  }
}

function equal(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}
