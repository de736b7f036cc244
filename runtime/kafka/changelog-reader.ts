/** Reads the changelog of a stateful stage from an offset on, until the reader has what it wants: its own barrier. */
import { setImmediate as otherWork } from 'node:timers/promises'
import { sleepUnlessAborted, within, type Clock } from '../clock.ts'
import { RetryLater, reasonOf } from '../errors.ts'
import { backoffMs } from '../loop/backoff.ts'
import { partitionKey } from '../loop/partition-key.ts'
import type { PartitionId, SourceRecord } from '../loop/ports.ts'
import { PartitionReader, type Fetched } from './partition-reader.ts'
import { KafkaJSProtocolError, type Kafka } from './patches.ts'
import type { FetchedRecord } from './repairs/fetched-record.ts'

/** A restore that gets on by no record for this long has lost its barrier: the caller takes over again. */
const STALLED_MS = 60_000

/** A fetch that takes this long hangs: the broker waits `MAX_WAIT_MS` for records, and 1 MiB takes milliseconds. */
const FETCH_MS = 10_000

const MAX_WAIT_MS = 250
const RETRY = { firstDelayMs: 50, maxDelayMs: 1_000 }
const CLOSE_MS = 1_000

/** Records that are taken at once. */
const SLICE_RECORDS = 500

/** Heartbeats and other partitions get their turn at least this often. */
const TURN_MS = 10

export interface ChangelogReading {
  kafka: Kafka
  id: PartitionId
  /** 0 stands for the oldest record there is. */
  from: number
  /** Gets committed records in order; true ends the reading. */
  take(records: SourceRecord[]): Promise<boolean> | boolean
  clock: Clock
  signal: AbortSignal
}

/** @throws RetryLater when no more comes, or `from` is not in the log any more; what `take` throws; the signal's reason */
export async function readChangelog(reading: ChangelogReading): Promise<void> {
  const { take, clock, signal } = reading
  let turnEndsMs = clock.monotonicMs() + TURN_MS
  for await (const records of fetchAll(reading)) {
    for (let at = 0; at < records.length; at += SLICE_RECORDS) {
      if (await take(records.slice(at, at + SLICE_RECORDS))) return
      if (clock.monotonicMs() < turnEndsMs) continue
      await otherWork()
      signal.throwIfAborted()
      turnEndsMs = clock.monotonicMs() + TURN_MS
    }
  }
}

/** Fetches for as long as it is asked to, over failures of the broker; the next fetch is under way while one is taken. */
async function* fetchAll({ kafka, id, from, clock, signal }: ChangelogReading): AsyncGenerator<FetchedRecord[], void> {
  let reader = new PartitionReader(kafka, id)
  let next = from
  let ahead: Promise<Fetched> | undefined
  let movedAtMs = clock.monotonicMs()
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        ahead ??= reader.fetch(next, MAX_WAIT_MS)
        const fetched = await within(clock, FETCH_MS, unlessAborted(ahead, signal), hangs)
        const hasMoved = fetched.next > next
        next = fetched.next
        attempt = 0
        ahead = fetched.hasMore ? reader.fetch(next, MAX_WAIT_MS) : undefined
        ahead?.catch(() => {}) // told when it is awaited, if it ever is
        if (fetched.records.length > 0) yield fetched.records
        if (hasMoved) movedAtMs = clock.monotonicMs()
        else assertMoving(id, next, clock.monotonicMs() - movedAtMs)
      } catch (error) {
        signal.throwIfAborted()
        if (isOutOfRange(error)) next = await restartFrom(reader, id, next)
        assertMoving(id, next, clock.monotonicMs() - movedAtMs, error)
        ahead = undefined
        await close(reader, clock)
        await sleepUnlessAborted(clock, backoffMs(clock, RETRY, attempt), signal)
        reader = new PartitionReader(kafka, id)
      }
    }
  } finally {
    await close(reader, clock)
  }
}

/** @throws RetryLater when what the state was restored to is not in the log: only a restore from the start can help */
async function restartFrom(reader: PartitionReader, id: PartitionId, next: number): Promise<number> {
  if (next === 0) return reader.oldest()
  throw new RetryLater('state.foreign-base', `The changelog ${partitionKey(id)} has no offset ${next}, up to which the state was restored.`)
}

function hangs(): never {
  throw new Error(`the broker did not answer a fetch in ${FETCH_MS} ms`)
}

function assertMoving(id: PartitionId, next: number, stoodMs: number, cause?: unknown): void {
  if (cause instanceof RetryLater) throw cause
  if (stoodMs < STALLED_MS) return
  const reason = cause === undefined ? 'nothing came' : reasonOf(cause)
  throw new RetryLater('kafka.unreachable', `The changelog ${partitionKey(id)} was not read beyond offset ${next} in ${STALLED_MS} ms: ${reason}`, { cause })
}

function isOutOfRange(error: unknown): boolean {
  return error instanceof KafkaJSProtocolError && error.type === 'OFFSET_OUT_OF_RANGE'
}

/** What goes wrong with a reader that is let go concerns nobody any more; one that hangs ends with its requests. */
async function close(reader: PartitionReader, clock: Clock): Promise<void> {
  await within(clock, CLOSE_MS, reader.close().catch(() => {}), () => {})
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    signal.throwIfAborted()
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
    work.catch(() => {}) // an abort came first
  }
}
