/**
 * What the loops need from the outside. Kafka, the in-memory log and Postgres implement these; the loops import
 * none of them.
 */
import type { State } from '../define/processor.ts'
import type { RowOrigin } from '../define/row-origin.ts'

export interface PartitionId {
  topic: string
  partition: number
}

/** A map is one. */
export interface RecordHeaders extends Iterable<[name: string, value: Buffer]> {
  /** The last value of a header that is repeated. */
  get(name: string): Buffer | undefined
}

/** What a source has read. It may take its parts out of the bytes that were fetched each time it is asked: ask once. */
export interface SourceRecord extends PartitionId {
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: RecordHeaders
  /** The producer's event time, Unix milliseconds. */
  readonly timestampMs: number
  /** Bytes of key and value. */
  readonly size: number
}

/** A record with bytes, ready to be written to one explicit partition. */
export interface OutgoingRecord extends PartitionId {
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, Buffer | string>
  timestampMs: number
}

/** The offset of the next record to be read. */
export interface Position extends PartitionId {
  offset: number
}

export interface SourceListener {
  /**
   * These partitions are ours now. No record of them is delivered before the promise resolves. The result may say
   * where to start; a partition that it leaves out starts at the group's committed offset.
   */
  assigned(partitions: PartitionId[]): Promise<Position[]>
  /** These are ours no longer; whatever is in flight for them must not be committed. Kafka has moved on already. */
  revoked(partitions: PartitionId[]): void
  /** In order of offset, never blocking; `pause` is how a listener asks for less. */
  records(partition: PartitionId, records: SourceRecord[]): void
  /** The source cannot go on. */
  failed(error: Error): void
}

/** Records of one consumer group's member. */
export interface Source {
  start(listener: SourceListener): Promise<void>
  pause(partitions: PartitionId[]): void
  resume(partitions: PartitionId[]): void
  /** No record that was read before the call is delivered after it. */
  seek(position: Position): void
  /** The group's committed positions; a partition without one is left out. */
  committed(partitions: PartitionId[]): Promise<Position[]>
  /** Rejects when this member may not commit; the caller then drops its work. */
  commit(positions: Position[]): Promise<void>
  /**
   * Whether this member may still believe that the partition is its own: it is assigned in the current generation, no
   * rebalance is under way, and the coordinator was heard from within half a session.
   */
  holds(id: PartitionId): boolean
  /** Leaves the group. Idempotent. */
  stop(): Promise<void>
}

/** Writes records; resolves once all in-sync replicas have them (I1). Rejects with RetryLater or Halt. */
export interface Outbox {
  send(records: OutgoingRecord[]): Promise<void>
  close(): Promise<void>
}

/** A transaction under way. Any rejection leaves its outcome in doubt: close the producer and take over again. */
export interface OpenTransaction {
  /**
   * Writes records; resolves, once all in-sync replicas have them, to the offset after the last one in each partition.
   * Readers of committed records see them after `commit` only.
   */
  send(records: OutgoingRecord[]): Promise<Position[]>
  /** Makes the group's position a part of the transaction. */
  position(position: Position): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
}

/** A producer under the transactional id of one task. */
export interface TransactionalProducer {
  /** The first one fences every older producer of the same id, and ends what those left open. */
  begin(): Promise<OpenTransaction>
  close(): Promise<void>
}

/** What the procedures of a stateful stage need of the broker. Rejections are RetryLater or Halt; `task.fenced` names a rival. */
export interface TaskBroker {
  openProducer(id: PartitionId): Promise<TransactionalProducer>
  /** The group's committed position; undefined when nothing was ever committed. */
  committed(id: PartitionId): Promise<number | undefined>
  /** Offset of the oldest record that the broker has. */
  oldest(id: PartitionId): Promise<number>
  /**
   * Hands committed records of the changelog over, in order and from offset `from` on, until `take` returns true.
   * @throws RetryLater when no more come; whatever `take` throws; the signal's reason
   */
  readChangelog(partition: number, from: number, take: (records: SourceRecord[]) => Promise<boolean> | boolean, signal: AbortSignal): Promise<void>
}

/** A state that holds every changelog entry below an offset, and none that is not committed. */
export interface StatePoint {
  state: State<unknown>
  changelogNext: number
  /** The input's next offset, committed together with the last of these entries. */
  position: number
}

/** Local copies of a stage's state, which spare a restart most of the changelog. Nothing here rejects: it is a cache. */
export interface StateSnapshots {
  /** The newest state that can be used; undefined when there is none. */
  load(partition: number): Promise<StatePoint | undefined>
  /** To be called after each commit and awaited before the state changes again. */
  saveWhenDue(partition: number, point: StatePoint): Promise<void>
  /** To be called at the end of the process. */
  saveAtEnd(partition: number, point: StatePoint): Promise<void>
  /** For a changelog that does not hold what the snapshot was made of. */
  discard(partition: number): Promise<void>
}

/** A record that can never succeed, as it goes to the failure table. */
export interface Failure {
  /** The stage that gave up. */
  stage: string
  code: string
  reason: string
  /** The record's key as text; null when it had none. */
  key: string | null
  /** Coordinates in the topic that the failed stage read. */
  topic: string
  partition: number
  offset: number
  attempts: number
  eventTimeMs: number
  traceId: Buffer | null
  /** The original value, as the failed stage received it. */
  value: Buffer | null
}

/** The progress of one partition within a sink's commit: from the offset expected to the next one. */
export interface Progress extends PartitionId {
  from: number
  to: number
}

export interface SinkBatch<Row> {
  rows: Row[]
  /** Where a row came from. Asked for rows that are refused. */
  originOf(index: number): RowOrigin
  failures: Failure[]
  progress: Progress[]
}

export interface SinkStore<Row> {
  /**
   * Takes ownership of partitions: raises their owner epoch, waiting for a predecessor's open commit, and returns
   * each one's next offset (0 when it was never committed).
   */
  claim(partitions: PartitionId[]): Promise<Position[]>
  /**
   * One transaction: progress first (guarded by epoch and expected offset), then rows and failures. Rows that the
   * database refuses are isolated, put with the failures, and returned by their index in `rows`.
   * @throws RetryLater when the database is away or the outcome is in doubt: claim again, never guess.
   * @throws Halt `sink.fenced` when another owner has claimed a partition.
   */
  commit(batch: SinkBatch<Row>): Promise<{ refused: { index: number; failure: Failure }[] }>
  /** The sink's own failures that are recorded at these coordinates, for announcements that are made again. */
  failuresAt(positions: Position[]): Promise<Failure[]>
}
