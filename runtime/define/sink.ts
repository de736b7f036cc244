/** A sink as a value: it turns values into rows, and its store commits rows and offsets together (I4). */
import type { Failure, SinkStore } from '../loop/ports.ts'
import type { RowOrigin } from './row-origin.ts'
import type { Service } from './service.ts'
import type { Outgoing, Topic } from './topic.ts'

/** When a batch is committed; `runtime/loop/commit-due.ts` tells how these play together. */
export interface CommitPolicy {
  /** With fewer rows a batch waits for its age, however long nothing comes. */
  minRows: number
  maxRows: number
  /** Of rows and the original records, as they are held in this process; three times as much may be held in all. */
  maxBytes: number
  /** No row waits longer while the store keeps up; nor are commits that are not full closer together. */
  maxAgeMs: number
  /** A batch is complete when nothing came for so long. */
  lullMs: number
}

export interface SinkSpec<In, Row> {
  /** What it fills or does; also names the group. */
  name: string
  version: number
  reads: Topic<In>
  /** Also records what every other stage gave up, from its dead-letter topic. */
  recordsDeadLetters: boolean
  /** Every topic that an announcement may go to; none for a sink that announces nothing. */
  writes: Topic[]
  store: Service<SinkStore<Row>>
  /** By the configured profile. */
  commit: { latency: CommitPolicy; raid5: CommitPolicy }
  /** Pure. Throws Reject for a value that can never be a row. */
  toRow(value: In, origin: RowOrigin): Row
  /** Memory and wire size of a row, bytes; counted in `maxBytes` together with its record. */
  sizeOf(row: Row): number
  /** Announcements made after the commit, at least once; a sink without them tells nobody. */
  announceRow?(row: Row): Outgoing
  announceFailure?(failure: Failure): Outgoing
}

export interface Sink<In = any, Row = any> extends Readonly<SinkSpec<In, Row>> {
  kind: 'sink'
}

export function defineSink<In, Row>(spec: SinkSpec<In, Row>): Sink<In, Row> {
  return Object.freeze({ kind: 'sink', ...spec }) as Sink<In, Row>
}
