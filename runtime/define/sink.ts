/** A sink as a value: it turns values into rows, and its store commits rows and offsets together (I4). */
import type { Failure, SinkStore } from '../loop/ports.ts'
import type { Service } from './service.ts'
import type { Outgoing, Topic } from './topic.ts'

/** A commit happens when any bound is reached. */
export interface CommitPolicy {
  maxRows: number
  maxBytes: number
  maxAgeMs: number
}

/** Where a row came from. */
export interface RowOrigin {
  topic: string
  partition: number
  offset: number
  /** The producer's event time, Unix milliseconds. */
  eventTimeMs: number
  /** 16 bytes, or null when the record carried no valid traceparent. */
  traceId: Buffer | null
}

export interface SinkSpec<In, Row> {
  /** What it fills or does; also names the group. */
  name: string
  version: number
  reads: Topic<In>
  /** Also records what every other stage gave up, from its dead-letter topic. */
  recordsDeadLetters: boolean
  /** Every topic that an announcement may go to. */
  writes: Topic[]
  store: Service<SinkStore<Row>>
  /** By the configured profile. */
  commit: { latency: CommitPolicy; raid5: CommitPolicy }
  /** Pure. Throws Reject for a value that can never be a row. */
  toRow(value: In, origin: RowOrigin): Row
  /** Memory and wire size of a row, bytes, for `maxBytes`. */
  sizeOf(row: Row): number
  /** Announcements made after the commit, at least once. */
  announceRow(row: Row): Outgoing
  announceFailure(failure: Failure): Outgoing
}

export interface Sink<In = any, Row = any> extends Readonly<SinkSpec<In, Row>> {
  kind: 'sink'
}

export function defineSink<In, Row>(spec: SinkSpec<In, Row>): Sink<In, Row> {
  return Object.freeze({ kind: 'sink', ...spec }) as Sink<In, Row>
}
