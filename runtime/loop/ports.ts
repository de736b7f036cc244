/**
 * What the loops need from the outside. Kafka, the in-memory log and Postgres implement these; the loops import
 * none of them.
 */

export interface PartitionId {
  topic: string
  partition: number
}

export interface SourceRecord extends PartitionId {
  offset: number
  key: Buffer | null
  value: Buffer | null
  /** A repeated header keeps its last value. */
  headers: Record<string, Buffer>
  /** The producer's event time, Unix milliseconds. */
  timestampMs: number
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
  /** Leaves the group. Idempotent. */
  stop(): Promise<void>
}

/** Writes records; resolves once all in-sync replicas have them (I1). Rejects with RetryLater or Halt. */
export interface Outbox {
  send(records: OutgoingRecord[]): Promise<void>
  close(): Promise<void>
}

/** One transaction's worth of a stateful stage's effects. */
export interface TransactionalOutbox {
  /** Output, changelog and position become visible together or not at all. Any rejection means: in doubt, take over again. */
  commit(effects: { records: OutgoingRecord[]; position: Position }): Promise<void>
  close(): Promise<void>
}

/** What the take-over of a stateful stage's partition yields. */
export interface Takeover {
  outbox: TransactionalOutbox
  /** Committed position, read after the previous owner was fenced; 0 when nothing was ever committed. */
  position: number
}

/** Takes a stateful stage's partition over. */
export interface Ownership {
  /**
   * Fences the previous owner, reads the committed position, and hands every changelog record up to its own barrier
   * to `restore`, in order (DESIGN.md, "Take-over").
   * @throws RetryLater when the outcome is in doubt; Halt when the changelog is ahead of the committed position
   */
  takeOver(partition: PartitionId, restore: (record: SourceRecord) => void | Promise<void>, signal: AbortSignal): Promise<Takeover>
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
