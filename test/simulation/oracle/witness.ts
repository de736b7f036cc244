/** Looks at every commit as it takes effect: of offsets to a group, of transactions, of rows. */
import { partitionKey } from '#runtime/loop/partition-key.ts'
import type { Failure, PartitionId, Position, SourceRecord } from '#runtime/loop/ports.ts'
import type { Broker } from '../broker/broker.ts'
import type { Change, DatabaseWitness } from '../database.ts'
import type { Violations } from '../violations.ts'
import type { Failed, Judged, Kept, KeptRow } from '../workload/topology.ts'
import { eventIdOf, fateOfMade, originOf, outputIdOf, parse, placeOf } from './fates.ts'

export interface WitnessParts { broker(): Broker; violations: Violations; rowExists(id: string): boolean }

/** Ids of one topic's records, brought up to date as the topic grows. */
interface Index { next: Map<string, number>; ids: Map<string, number> }

export class Witness implements DatabaseWitness {
  readonly #parts: WitnessParts
  readonly #acknowledged = new Set<string>()
  readonly #owners = new Map<string, string>()
  readonly #progress = new Map<string, number>()
  readonly #announced = new Set<string>()

  constructor(parts: WitnessParts) {
    this.#parts = parts
  }

  /** An outbox was told that these records are in the log. */
  acknowledged(records: { topic: string; headers: Record<string, Buffer | string>; value: Buffer | null }[]): void {
    for (const { topic, headers: written, value } of records) {
      const headers = new Map(Object.entries(written))
      if (headers.has('dead-topic')) this.#acknowledged.add(`dead ${String(headers.get('dead-stage'))} ${originOf(headers)}`)
      else this.#acknowledged.add(`${topic} ${String(headers.get('event-id'))}`)
      if (topic === 'event.kept') this.#announced.add(parse<Kept>(value)!.id)
      else if (topic === 'event.failed') this.#announced.add(placeOf(parse<Failed>(value)!))
    }
  }

  /** I1 of `check`: everything below the position has its output or its dead letter acknowledged. */
  checkCommitting(position: Position, previous: number | undefined): void {
    for (const input of this.#between(position, previous ?? 0)) {
      const { event } = fateOfMade(input)
      const isDone = event ? this.#acknowledged.has(`event.checked ${outputIdOf('check', input)}`) : this.#acknowledged.has(`dead check ${placeOf(input)}`)
      if (!isDone) this.#parts.violations.add('position-ahead', `check was committed to ${position.offset} of ${partitionKey(position)}, but ${placeOf(input)} (${eventIdOf(input)}) was not acknowledged as done`)
    }
  }

  /** I5: a transaction moves the position on, and each input below has exactly one output, committed with it or before. */
  firstCommitting(position: Position, previous: number | undefined, by: 'member' | 'transaction'): void {
    const { violations } = this.#parts
    if (by === 'member') violations.add('position-ahead', `first: a position was committed to ${partitionKey(position)} outside of a transaction`)
    if (previous !== undefined && position.offset < previous) violations.add('progress-moved-back', `first: ${partitionKey(position)} from ${previous} back to ${position.offset}`)
    const judged = this.#outputs('event.judged')
    for (const input of this.#between(position, previous ?? 0)) {
      if (!judged.has(outputIdOf('first', input))) violations.add('position-ahead', `first was committed to ${position.offset} of ${partitionKey(position)}, but ${placeOf(input)} (${eventIdOf(input)}) has no committed output`)
    }
  }

  keepCommitting(position: Position, previous: number | undefined): void {
    for (const input of this.#between(position, previous ?? 0)) {
      const isDone = position.topic !== 'event.judged' || this.#announced.has(parse<Judged>(input.value)!.id) || this.#announced.has(placeOf(input))
      if (!isDone) this.#parts.violations.add('position-ahead', `keep was committed to ${position.offset} of ${partitionKey(position)}, but ${placeOf(input)} was not announced`)
    }
  }

  // The database

  claimed(owner: string, partitions: PartitionId[]): void {
    for (const id of partitions) this.#owners.set(partitionKey(id), owner)
  }

  committed(owner: string, changes: Change[], rows: KeptRow[], failures: Failure[]): void {
    for (const change of changes) this.#checkOwner(owner, change)
    for (const failure of failures) this.#checkLetter(failure)
    const done = new Set([...rows.map(placeOf), ...failures.map(placeOf)])
    const kept = new Set(rows.map(({ id }) => id))
    for (const row of rows) if (this.#parts.rowExists(row.id)) this.#parts.violations.add('doubled-rows', `row ${row.id} from ${placeOf(row)}`)
    for (const { partition, from, to } of changes) {
      for (const input of this.#between({ ...partition, offset: to }, from)) this.#checkStored(input, done, kept)
    }
  }

  /** A failure of the sink's own verdict never lacks its bytes. */
  #checkLetter(failure: Failure): void {
    const isOwn = failure.stage === 'keep' && failure.code !== 'keep.refused-row'
    if (isOwn && !this.#acknowledged.has(`dead keep ${placeOf(failure)}`)) this.#parts.violations.add('neither-processed-nor-dead', `the failure of ${placeOf(failure)} was committed before its dead letter was acknowledged`)
  }

  #checkOwner(owner: string, { partition, from, to }: Change): void {
    const key = partitionKey(partition)
    const { violations } = this.#parts
    if (this.#owners.get(key) !== owner) violations.add('rows-from-zombie-epoch', `${owner} committed ${key} ${from}-${to}, which ${this.#owners.get(key)} has claimed`)
    const before = this.#progress.get(key) ?? 0
    if (to < before) violations.add('progress-moved-back', `${owner} moved ${key} from ${before} to ${to}`)
    if (from !== before) violations.add('progress-moved-back', `${owner} committed ${key} from ${from}, but it stood at ${before}`)
    this.#progress.set(key, to)
  }

  #checkStored(input: SourceRecord, done: Set<string>, kept: Set<string>): void {
    if (input.topic === 'event.judged') {
      const { id } = parse<Judged>(input.value)!
      if (!done.has(placeOf(input)) && !kept.has(id) && !this.#parts.rowExists(id)) this.#parts.violations.add('position-ahead', `the database stands behind ${placeOf(input)}, but ${id} is neither a row nor a failure`)
      return
    }
    const origin = originOf(input.headers)
    if (!done.has(origin)) this.#parts.violations.add('position-ahead', `the database stands behind ${placeOf(input)}, but the failure of ${origin} is not there`)
  }

  // Logs

  #between({ topic, partition, offset }: Position, from: number): SourceRecord[] {
    return this.#parts.broker().log({ topic, partition }).committedRecords(from).filter((record) => record.offset < offset)
  }

  readonly #indexes = new Map<string, Index>()

  /** Event ids that a topic holds, with how often. Only what has been decided counts, so open batches stop the index. */
  #outputs(topic: string): Map<string, number> {
    const index = this.#indexes.get(topic) ?? { next: new Map(), ids: new Map() }
    this.#indexes.set(topic, index)
    const ids = new Map(index.ids)
    for (const partition of this.#parts.broker().partitionsOf(topic)) {
      const { entries } = this.#parts.broker().log(partition)
      let isContiguous = true
      for (let offset = index.next.get(partitionKey(partition)) ?? 0; offset < entries.length; offset++) {
        const { record, batch } = entries[offset]!
        if (batch.outcome === 'open') isContiguous = false
        const counts = !batch.marker && (batch.outcome === 'committed' || batch.outcome === 'plain')
        if (counts) ids.set(eventIdOf(record), (ids.get(eventIdOf(record)) ?? 0) + 1)
        if (!isContiguous) continue
        if (counts) index.ids.set(eventIdOf(record), (index.ids.get(eventIdOf(record)) ?? 0) + 1)
        index.next.set(partitionKey(partition), offset + 1)
      }
    }
    return ids
  }
}
