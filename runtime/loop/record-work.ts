/**
 * The life of one record in a stateless stage: decode, attempts, outputs or dead letter. It ends only when its
 * outputs or its dead letter are acknowledged (I1, I6), and it never rejects: what went wrong is its outcome.
 */
import type { Codec } from '../avro/codec.ts'
import { sleepUnlessAborted, type Clock } from '../clock.ts'
import type { Processor } from '../define/processor.ts'
import type { Outgoing } from '../define/topic.ts'
import { Halt, Reject, RetryLater, reasonOf, verdictOf } from '../errors.ts'
import type { Failpoint } from '../failpoints.ts'
import type { Log } from '../log.ts'
import type { RecordSpan, Tracing } from '../telemetry/tracing.ts'
import { backoffMs } from './backoff.ts'
import type { Breaker } from './breaker.ts'
import { deadLetterRecord } from './dead-letter.ts'
import type { Outbox, OutgoingRecord, SourceRecord } from './ports.ts'
import { encodeOutputs } from './record-encoder.ts'
import type { Slots } from './slots.ts'
import type { StageStats } from './stage-stats.ts'

/** 'finished': may be committed. 'abandoned': the partition was taken away, the stage stops or is halted. */
export type RecordOutcome = 'finished' | 'abandoned'

export interface RecordWorkParts {
  processor: Processor
  codec: Codec
  outbox: Outbox
  clock: Clock
  log: Log
  tracing: Tracing
  stats: StageStats
  breaker: Breaker
  /** One attempt: the handler with its services, deadline and batch. */
  attempt(value: unknown, signal: AbortSignal): Promise<Outgoing[]> | Outgoing[]
  halt(error: Halt): void
  at?: Failpoint | undefined
}

/** How the owner of a record's partition calls its work off. */
export interface CallOff {
  /** The partition was taken away: handlers are aborted, outcomes do not count. */
  revoked: AbortSignal
  /** No new attempt begins; also set when revoked. */
  stopping: AbortSignal
}

interface Failing { attempts: number; firstFailedAtMs: number }

export class RecordWork {
  readonly #parts: RecordWorkParts

  constructor(parts: RecordWorkParts) {
    this.#parts = parts
  }

  /** Runs the record to its end. Handlers run inside a slot; waiting for a retry holds none. */
  async run(record: SourceRecord, slots: Slots, callOff: CallOff): Promise<RecordOutcome> {
    const span = this.#parts.tracing.begin(this.#parts.processor, record)
    const failing: Failing = { attempts: 0, firstFailedAtMs: 0 }
    while (!callOff.stopping.aborted) {
      try {
        await this.#once(record, span, slots, callOff.revoked)
        if (!callOff.revoked.aborted) return 'finished'
      } catch (error) {
        if (callOff.revoked.aborted) break
        if (await this.#settle(error, record, span, failing, callOff.stopping)) return 'finished'
      }
    }
    span.end('abandoned')
    return 'abandoned'
  }

  async #once(record: SourceRecord, span: RecordSpan, slots: Slots, signal: AbortSignal): Promise<void> {
    const { stats, breaker, at } = this.#parts
    const outputs = await this.#makeInSlot(record, span, slots, signal)
    if (signal.aborted) return
    if (at) await at('before-send')
    await this.#parts.outbox.send(outputs)
    if (at) await at('after-send')
    stats.written += 1
    breaker.record(false, '')
    span.end('written')
  }

  /** Only the outputs' bytes are held while they are sent: the values behind them take several times as much memory. */
  async #makeInSlot(record: SourceRecord, span: RecordSpan, slots: Slots, signal: AbortSignal): Promise<OutgoingRecord[]> {
    const { processor, codec, stats, clock } = this.#parts
    if (!slots.tryAcquire()) await slots.acquire()
    const startedMs = clock.monotonicMs()
    stats.inFlight += 1
    try {
      const handled = this.#handle(record, signal)
      return encodeOutputs(processor, codec, record, handled instanceof Promise ? await handled : handled, span)
    } finally {
      stats.inFlight -= 1
      stats.workMs += clock.monotonicMs() - startedMs
      slots.release()
    }
  }

  /** What is known at once is not waited for: a promise costs as much as the work of a small stage. */
  #handle(record: SourceRecord, signal: AbortSignal): Promise<Outgoing[]> | Outgoing[] {
    const { processor, codec } = this.#parts
    signal.throwIfAborted()
    const decoded: unknown = codec.decode(processor.reads, record.value)
    return decoded instanceof Promise ? decoded.then((value) => this.#attempt(value, record, signal)) : this.#attempt(decoded, record, signal)
  }

  #attempt(value: unknown, record: SourceRecord, signal: AbortSignal): Promise<Outgoing[]> | Outgoing[] {
    const { processor, at } = this.#parts
    checkKey(processor.reads.keyOf(value), record.key)
    const stopped = at?.('in-handler')
    return stopped ? stopped.then(() => this.#parts.attempt(value, signal)) : this.#parts.attempt(value, signal)
  }

  /** True when the record is finished by its dead letter; false when it is to be tried again. */
  async #settle(error: unknown, record: SourceRecord, span: RecordSpan, failing: Failing, signal: AbortSignal): Promise<boolean> {
    const { clock, processor, stats } = this.#parts
    failing.attempts += 1
    failing.firstFailedAtMs ||= clock.now()
    const verdict = verdictOf(error) ?? new RetryLater('runtime.unclassified', reasonOf(error), { cause: error })
    if (verdict instanceof Halt) return this.#halt(verdict)
    if (verdict instanceof Reject) return this.#bury(verdict, record, span, failing, signal)
    if (failing.attempts >= processor.retry.attempts) return this.#giveUp(verdict, record, span, failing, signal)
    stats.retries += 1
    span.retried(verdict.code)
    this.#parts.log.debug({ code: verdict.code, attempt: failing.attempts, reason: verdict.message }, 'will retry')
    await sleepUnlessAborted(clock, backoffMs(clock, processor.retry, failing.attempts, verdict.afterMs), signal)
    return false
  }

  #halt(verdict: Halt): boolean {
    this.#parts.halt(verdict)
    return false
  }

  async #giveUp(verdict: RetryLater, record: SourceRecord, span: RecordSpan, failing: Failing, signal: AbortSignal): Promise<boolean> {
    this.#parts.log.warn({ code: verdict.code, attempts: failing.attempts, err: verdict }, 'gave a record up')
    try {
      this.#parts.breaker.record(true, verdict.code)
    } catch (tripped) {
      return this.#halt(tripped as Halt)
    }
    return this.#bury(verdict, record, span, failing, signal)
  }

  /** Writes the dead letter, for as long as it takes: a record must not vanish because the broker is away. */
  async #bury(verdict: Reject | RetryLater, record: SourceRecord, span: RecordSpan, failing: Failing, signal: AbortSignal): Promise<boolean> {
    const { processor, clock, stats } = this.#parts
    const letter = deadLetterRecord(record, { stage: processor.name, code: verdict.code, reason: reasonOf(verdict), ...failing }, 0)
    for (let attempt = 1; !(await this.#tryToSend(letter)); attempt++) {
      await sleepUnlessAborted(clock, backoffMs(clock, processor.retry, attempt), signal)
      if (signal.aborted) return false
    }
    stats.dead += 1
    span.end('dead', verdict.code)
    return true
  }

  async #tryToSend(letter: OutgoingRecord): Promise<boolean> {
    try {
      await this.#parts.outbox.send([letter])
      return true
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'a dead letter was not acknowledged; trying again')
      const verdict = verdictOf(error)
      if (verdict instanceof Halt) this.#parts.halt(verdict)
      return false
    }
  }
}

/** @throws Reject `record.no-key`, `record.key-mismatch` */
export function checkKey(expected: string, key: Buffer | null): void {
  if (key === null || key.length === 0) throw new Reject('record.no-key', 'The record has no key.')
  if (!isAscii(expected, key) && key.toString('utf8') !== expected) {
    throw new Reject('record.key-mismatch', `The key is ${JSON.stringify(key.toString('utf8').slice(0, 64))}, the value says ${JSON.stringify(expected.slice(0, 64))}.`)
  }
}

/** Whether the bytes are this text and all of them ASCII, as ids are: no text needs to be made of them then. */
function isAscii(text: string, bytes: Buffer): boolean {
  if (text.length !== bytes.length) return false
  for (let at = 0; at < bytes.length; at++) if (text.charCodeAt(at) !== bytes[at] || bytes[at]! > 127) return false
  return true
}
