/**
 * The one partition of a stateful stage in this process: state in memory, decisions one after the other, and output,
 * changelog and position committed in one transaction (I5).
 *
 *   taking-over ──▶ deciding ◀──▶ committing
 *        ▲                            │
 *        └──────── in doubt ──────────┘           any state ──close()──▶ closed
 *
 * Commit procedure (the numbers are those of DESIGN.md, "Commit of a stateful stage"):
 *   1. fence the previous owner, read the committed position, restore the state up to our own barrier, seek there
 *   2. decide a batch in order; each decision is applied to the state before the next
 *   3. in one transaction: outputs, dead letters, changelog entries, position
 * The steps of 1 are in `take-over.ts`, those of 3 in `transaction.ts`. When 3 fails in any way, producer and state are
 * thrown away and 1 begins again: the state holds nothing that the changelog does not, and whether the transaction took
 * place is read, never guessed.
 */
import type { Codec } from '../avro/codec.ts'
import { sleepUnlessAborted, type Clock } from '../clock.ts'
import type { Context, Decision, State, StatefulProcessor } from '../define/processor.ts'
import type { Opened, Services } from '../define/service.ts'
import { Halt, Reject, RetryLater, reasonOf, verdictOf } from '../errors.ts'
import type { Failpoint } from '../failpoints.ts'
import type { Log } from '../log.ts'
import type { RecordSpan, Tracing } from '../telemetry/tracing.ts'
import { backoffMs } from './backoff.ts'
import { deadLetterRecord } from './dead-letter.ts'
import type { OutgoingRecord, PartitionId, Source, SourceRecord, StatePoint, StateSnapshots, TaskBroker, TransactionalProducer } from './ports.ts'
import { encodeOutputs, encodeRecord } from './record-encoder.ts'
import { checkKey } from './record-work.ts'
import type { StageStats } from './stage-stats.ts'
import { SOURCE_OFFSET_HEADER, takeOver } from './take-over.ts'
import { commitTransaction } from './transaction.ts'

const TAKE_OVER_RETRY = { firstDelayMs: 100, maxDelayMs: 5_000 }

/** Records waiting in memory above which the source is paused; resumed below half. */
const MAX_WAITING = 5_000

export interface StatefulTaskParts {
  id: PartitionId
  processor: StatefulProcessor
  source: Source
  broker: TaskBroker
  codec: Codec
  services: Opened<Services>
  clock: Clock
  log: Log
  tracing: Tracing
  stats: StageStats
  at?: Failpoint | undefined
  /** What an earlier task of this process knows of the partition already. */
  held?: StatePoint | undefined
  snapshots?: StateSnapshots | undefined
  failed(error: Error): void
}

interface Effects { records: OutgoingRecord[]; written: number; dead: number }

export class StatefulTask {
  readonly #parts: StatefulTaskParts
  readonly #closing = new AbortController()
  /** Undefined while nothing certain is known. */
  #held: StatePoint | undefined
  #producer: TransactionalProducer | undefined
  #waiting: SourceRecord[] = []
  #nextOffset = 0
  #paused = false
  #wake = Promise.withResolvers<void>()
  #worker: Promise<void> = Promise.resolve()

  constructor(parts: StatefulTaskParts) {
    this.#parts = parts
    this.#held = parts.held
  }

  /** What a next task of this partition may start from, once this one is closed. */
  get held(): StatePoint | undefined {
    return this.#held
  }

  /** Takes the partition over; resolves to the offset to read from. */
  async open(): Promise<number> {
    await this.#takeOver()
    this.#worker = this.#work().catch((error: unknown) => this.#parts.failed(error as Error))
    return this.#nextOffset
  }

  accept(records: SourceRecord[]): void {
    const last = this.#waiting.at(-1)?.offset ?? this.#nextOffset - 1
    this.#waiting.push(...records.filter((record) => record.offset > last))
    this.#parts.stats.waiting = this.#waiting.length
    this.#wake.resolve()
    this.#pauseWhenFull()
  }

  /** Ends after the transaction under way; what waits is left for the next owner. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#wake.resolve()
    await this.#worker
    await this.#producer?.close()
  }

  async #work(): Promise<void> {
    while (await this.#gather()) {
      const batch = this.#waiting.slice(0, this.#parts.processor.batch.maxRecords)
      await this.#decideAndCommit(batch)
    }
  }

  /** Waits for a record, then shortly for more. False once closed. */
  async #gather(): Promise<boolean> {
    const { clock, processor } = this.#parts
    const { signal } = this.#closing
    if (this.#waiting.length === 0) {
      await this.#wake.promise
      if (this.#waiting.length < processor.batch.maxRecords) await sleepUnlessAborted(clock, processor.batch.maxWaitMs, signal)
    }
    this.#wake = Promise.withResolvers<void>()
    if (this.#waiting.length > 0) this.#wake.resolve()
    return !signal.aborted
  }

  async #decideAndCommit(batch: SourceRecord[]): Promise<void> {
    if (batch.length === 0) return
    const { stats, clock } = this.#parts
    const startedMs = clock.monotonicMs()
    try {
      const effects = await this.#decideAll(batch)
      const offset = batch.at(-1)!.offset + 1
      await this.#commit(effects.records, offset)
      this.#committed(batch.length, offset, effects)
    } catch (error) {
      if (verdictOf(error) instanceof Halt) {
        // The state may hold decisions that were not committed: nobody may start from it, and no snapshot be taken.
        this.#held = undefined
        throw error
      }
      this.#parts.log.warn({ err: error }, 'the outcome of a transaction is in doubt; taking over again')
      await this.#recover(error)
    }
    stats.workMs += clock.monotonicMs() - startedMs
  }

  async #commit(records: OutgoingRecord[], offset: number): Promise<void> {
    const { id, source, clock, at } = this.#parts
    const written = await commitTransaction({ producer: this.#producer!, records, position: { ...id, offset }, holds: () => source.holds(id), clock, at })
    const changelog = this.#parts.processor.state.changelog.name
    const { state, changelogNext } = this.#held!
    this.#held = { state, position: offset, changelogNext: written.find(({ topic }) => topic === changelog)?.offset ?? changelogNext }
    await this.#parts.snapshots?.saveWhenDue(id.partition, this.#held)
  }

  #committed(count: number, offset: number, effects: Effects): void {
    const { stats, clock } = this.#parts
    this.#waiting.splice(0, count)
    this.#nextOffset = offset
    stats.written += effects.written
    stats.dead += effects.dead
    stats.waiting = this.#waiting.length
    stats.lastCommitAtMs = clock.now()
    this.#resumeWhenHalfEmpty()
  }

  /**
   * The state may hold decisions that were not committed: it is thrown away whole. The partition is paused meanwhile, so
   * that a fetch which was under way when the doubt arose cannot deliver records from behind the new position. Not so
   * once closed: another task may read it by now, and nobody would resume it.
   */
  async #recover(doubt: unknown): Promise<void> {
    const { source, id } = this.#parts
    if (!this.#closing.signal.aborted) source.pause([id])
    this.#waiting = []
    this.#held = undefined
    await this.#waitAsAsked(doubt)
    await this.#takeOver()
    // Closed meanwhile: the partition may be another task's by now, and so is its position.
    if (this.#closing.signal.aborted) return
    source.seek({ ...id, offset: this.#nextOffset })
    this.#paused = false
    source.resume([id])
  }

  /** A rival that fenced us is left alone for a while: fencing it in turn could go on for ever. */
  async #waitAsAsked(doubt: unknown): Promise<void> {
    const verdict = verdictOf(doubt)
    if (verdict instanceof RetryLater && verdict.afterMs !== undefined) await sleepUnlessAborted(this.#parts.clock, verdict.afterMs, this.#closing.signal)
  }

  async #takeOver(): Promise<void> {
    const { clock, log, stats } = this.#parts
    for (let attempt = 1; !this.#closing.signal.aborted; attempt++) {
      try {
        return await this.#tryTakeOver()
      } catch (error) {
        const verdict = verdictOf(error)
        if (verdict instanceof Halt) throw error
        if (verdict?.code === 'state.foreign-base') await this.#parts.snapshots?.discard(this.#parts.id.partition)
        stats.retries += 1
        log.warn({ reason: reasonOf(error), attempt }, 'the partition was not taken over; trying again')
        const askedMs = verdict instanceof RetryLater ? verdict.afterMs : undefined
        await sleepUnlessAborted(clock, backoffMs(clock, TAKE_OVER_RETRY, attempt, askedMs), this.#closing.signal)
      }
    }
  }

  async #tryTakeOver(): Promise<void> {
    const { broker, processor, source, snapshots, clock, log, at, id } = this.#parts
    await this.#producer?.close()
    this.#producer = undefined
    if (!source.holds(id)) throw new RetryLater('task.not-held', 'The partition may be another member\'s by now.')
    const base = this.#held ?? (await snapshots?.load(id.partition)) ?? { state: processor.state.open() as State<unknown>, changelogNext: 0, position: 0 }
    // Until the restore is complete, what it has reached is not known.
    this.#held = undefined
    const { producer, position, changelogNext, restored } = await takeOver({
      id, broker, base, clock, at, changelog: processor.state.changelog.name, signal: this.#closing.signal,
      restore: (record) => this.#restore(base.state, record),
    })
    log.info({ ...id, position, from: base.changelogNext, restored }, 'took the partition over')
    this.#held = { state: base.state, changelogNext, position }
    this.#producer = producer
    this.#nextOffset = position
  }

  #restore(state: State<unknown>, { value }: SourceRecord): Promise<void> | void {
    if (value === null) return
    const { codec, processor } = this.#parts
    const entry: unknown = codec.decode(processor.state.changelog, value)
    if (entry instanceof Promise) return entry.then((decoded) => state.apply(decoded))
    state.apply(entry)
  }

  async #decideAll(batch: SourceRecord[]): Promise<Effects> {
    const effects: Effects = { records: [], written: 0, dead: 0 }
    for (const record of batch) {
      const span = this.#parts.tracing.begin(this.#parts.processor, record)
      try {
        effects.records.push(...(await this.#decideOne(record, span)))
        effects.written += 1
        span.end('written')
      } catch (error) {
        const verdict = verdictOf(error) ?? new Reject('runtime.unclassified', reasonOf(error), { cause: error })
        span.end(verdict instanceof Reject ? 'dead' : 'abandoned', verdict.code)
        // A failure that is neither the record's nor a halt is a doubt about everything: it ends the batch.
        if (!(verdict instanceof Reject)) throw verdict
        effects.records.push(this.#deadLetter(record, verdict))
        effects.dead += 1
      }
    }
    return effects
  }

  async #decideOne(record: SourceRecord, span: RecordSpan): Promise<OutgoingRecord[]> {
    const { processor, codec, services, log } = this.#parts
    const value = await codec.decode(processor.reads, record.value)
    checkKey(processor.reads.keyOf(value), record.key)
    const context = { ...services, signal: this.#closing.signal, log } as Context<Services>
    const decision: Decision<unknown> = processor.decide(value, this.#held!.state, context)
    const outputs = encodeOutputs(processor, codec, record, decision.write, span)
    const changes = decision.remember.map((entry) => this.#changeOf(entry, record))
    for (const entry of decision.remember) this.#held!.state.apply(entry)
    return [...outputs, ...changes]
  }

  #changeOf(entry: unknown, record: SourceRecord): OutgoingRecord {
    const { processor, codec, id } = this.#parts
    const change = encodeRecord(codec, processor.state.changelog(entry), record.timestampMs, { [SOURCE_OFFSET_HEADER]: String(record.offset) })
    return { ...change, partition: id.partition }
  }

  #deadLetter(record: SourceRecord, verdict: Reject): OutgoingRecord {
    const { processor, clock } = this.#parts
    const death = { stage: processor.name, code: verdict.code, reason: reasonOf(verdict), attempts: 1, firstFailedAtMs: clock.now() }
    return deadLetterRecord(record, death, 0)
  }

  #pauseWhenFull(): void {
    if (this.#paused || this.#waiting.length < MAX_WAITING) return
    this.#paused = true
    this.#parts.source.pause([this.#parts.id])
  }

  #resumeWhenHalfEmpty(): void {
    if (!this.#paused || this.#waiting.length > MAX_WAITING / 2) return
    this.#paused = false
    this.#parts.source.resume([this.#parts.id])
  }
}
