/**
 * What becomes of a batch, in this order (the numbers are those of DESIGN.md, "Commit of a sink"):
 *
 *   1. dead letters of the sink's own rejections are acknowledged              so a failure never lacks its bytes (I6)
 *   2. rows, failures and progress are committed in one transaction (I4)       the moment of truth
 *   3. dead letters of rows that the database refused are acknowledged
 *   4. every row and failure is announced and acknowledged                     at least once
 *   5. the offsets are committed to the group                                  for lag tools, and as the mark up to
 *                                                                              which everything was announced
 * A crash between 2 and 5 leaves the group's offset below the store's: those records are read again, found to be
 * stored, and only go through 3 to 5.
 */
import type { Clock } from '../clock.ts'
import type { Outgoing } from '../define/topic.ts'
import type { Sink } from '../define/sink.ts'
import { Halt } from '../errors.ts'
import type { Log } from '../log.ts'
import type { RecordSpan } from '../telemetry/tracing.ts'
import { deadLetterRecord } from './dead-letter.ts'
import type { Failure, OutgoingRecord, PartitionId, Position, Progress, SinkStore, SourceRecord } from './ports.ts'
import { RecordOrigin } from './record-origin.ts'
import { UNCLASSIFIED } from './sink-intake.ts'
import type { SinkLane } from './sink-lane.ts'
import type { Entry } from './sink-queue.ts'

export interface SinkCommitParts<Row> {
  sink: Sink<any, Row>
  store: SinkStore<Row>
  /** Sends until all are acknowledged; rejects with Halt or Reject, or when the sink ends. Asks for records as it sends them. */
  send(records: Iterable<OutgoingRecord>): Promise<void>
  encode(outgoing: Outgoing, input: SourceRecord, span: RecordSpan): OutgoingRecord
  clock: Clock
  log: Log
}

/** Failures in a batch that need not be the records' fault; with more, and most of the batch, the sink stops. */
const TOLERATED_DEFECTS = 50

export class SinkCommit<Row> {
  readonly #parts: SinkCommitParts<Row>

  constructor(parts: SinkCommitParts<Row>) {
    this.#parts = parts
  }

  /**
   * Steps 1 and 2, for what is not stored yet. Tried again after an error, it repeats only what is left to do.
   * @throws RetryLater, SinkFenced, Halt
   */
  async store(entries: Entry<Row>[]): Promise<void> {
    const isFresh = ({ lane, record }: Entry<Row>): boolean => record.offset >= lane.stored
    const [fresh, stored] = [entries.filter(isFresh), entries.filter((entry) => !isFresh(entry))]
    await this.#recallRefusals(stored)
    this.#haltOnDefects(fresh, UNCLASSIFIED)
    await this.#sendLetters(fresh)
    if (fresh.length > 0) await this.#commit(fresh)
  }

  /** Steps 3 and 4; afterwards the positions for step 5. */
  async announce(entries: Entry<Row>[]): Promise<Position[]> {
    await this.#sendLetters(entries)
    await this.#parts.send(this.#announcementsOf(entries))
    for (const { span, failure } of entries) span.end(failure ? 'dead' : 'written', failure?.code)
    return [...lastOffsets(entries)].filter(([lane]) => lane.isLive).map(([lane, last]) => ({ ...lane.id, offset: last + 1 }))
  }

  async #commit(fresh: Entry<Row>[]): Promise<void> {
    const rows = fresh.filter(({ failure }) => !failure)
    const progress = progressOf(fresh)
    const failures = fresh.filter(({ failure }) => failure).map(({ failure }) => failure!)
    const { refused } = await this.#parts.store.commit({
      rows: rows.map(({ row }) => row!), originOf: (index) => new RecordOrigin(rows[index]!.record), failures, progress: progress.map(({ to }) => to),
    })
    for (const { lane, to } of progress) lane.moveStored(to.to)
    for (const { index, failure } of refused) this.#becomeFailure(rows[index]!, failure)
    if (refused.length > 0) this.#haltOnDefects(fresh, refused[0]!.failure.code)
  }

  /**
   * One bad row in a thousand is the row's fault; most of a batch is ours or the schema's.
   * @throws Halt `sink.failing`
   */
  #haltOnDefects(entries: Entry<Row>[], code: string): void {
    const defects = entries.filter(({ failure, needsLetter }) => needsLetter && failure?.code === code)
    if (defects.length <= TOLERATED_DEFECTS || defects.length * 2 <= entries.length) return
    const last = defects.at(-1)!.failure!.reason
    throw new Halt('sink.failing', `${defects.length} of ${entries.length} records became no row, lately: ${last}`,
      'Look whether the tables are those of this version (`sluice migrate`); if they are, this is a defect of the sink.')
  }

  /** A record below the store's offset is a row, unless the database had refused it. */
  async #recallRefusals(stored: Entry<Row>[]): Promise<void> {
    const rows = stored.filter(({ failure }) => !failure)
    if (rows.length === 0) return
    const failures = await this.#parts.store.failuresAt(rows.map(({ record: { topic, partition, offset } }) => ({ topic, partition, offset })))
    const byPlace = new Map(failures.map((failure) => [placeOf(failure), failure]))
    for (const entry of rows) {
      const failure = byPlace.get(placeOf(entry.record))
      if (failure) this.#becomeFailure(entry, failure)
    }
  }

  #becomeFailure(entry: Entry<Row>, failure: Failure): void {
    this.#parts.log.warn({ code: failure.code, reason: failure.reason, key: failure.key }, 'the store refused a row')
    entry.failure = { ...failure, value: entry.record.value }
    entry.needsLetter = true
  }

  async #sendLetters(entries: Entry<Row>[]): Promise<void> {
    const due = entries.filter(({ needsLetter }) => needsLetter)
    if (due.length === 0) return
    await this.#parts.send(due.map((entry) => this.#letterOf(entry)))
    for (const entry of due) entry.needsLetter = false
  }

  #letterOf({ record, failure }: Entry<Row>): OutgoingRecord {
    const { code, reason, attempts } = failure!
    return deadLetterRecord(record, { stage: this.#parts.sink.name, code, reason, attempts, firstFailedAtMs: this.#parts.clock.now() }, 0)
  }

  /** Made one after the other while they are sent: all of a batch at once would take as much memory as its rows. */
  *#announcementsOf(entries: Entry<Row>[]): Generator<OutgoingRecord> {
    for (const entry of entries) {
      const announcement = this.#announcementOf(entry)
      if (announcement) yield announcement
    }
  }

  /** An announcement that cannot be encoded is a defect; the row is stored, so it is told to the log and left out. */
  #announcementOf({ row, failure, record, span }: Entry<Row>): OutgoingRecord | undefined {
    const { sink, encode, log } = this.#parts
    try {
      const outgoing = failure ? sink.announceFailure?.(failure) : sink.announceRow?.(row!)
      return outgoing && encode(outgoing, record, span)
    } catch (error) {
      log.error({ err: error, topic: record.topic, partition: record.partition, offset: record.offset }, 'an announcement could not be made')
      return undefined
    }
  }
}

/** Per lane, in the order of the store's locks. */
function progressOf<Row>(entries: Entry<Row>[]): { lane: SinkLane; to: Progress }[] {
  return [...lastOffsets(entries)]
    .map(([lane, last]) => ({ lane, to: lane.progressTo(last) }))
    .sort((a, b) => (a.to.topic < b.to.topic ? -1 : a.to.topic > b.to.topic ? 1 : a.to.partition - b.to.partition))
}

function lastOffsets<Row>(entries: Entry<Row>[]): Map<SinkLane, number> {
  const last = new Map<SinkLane, number>()
  for (const { lane, record } of entries) last.set(lane, record.offset)
  return last
}

function placeOf({ topic, partition, offset }: PartitionId & { offset: number }): string {
  return `${topic}/${partition}/${offset}`
}
