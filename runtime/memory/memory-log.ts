/**
 * An in-memory log that implements the loops' ports, for tests: partitions, groups with committed positions,
 * rebalances, crashes, lost replies and transactions. What it lacks is written in FAKE-LIMITS.md.
 */
import { partitionKey } from '../loop/partition-key.ts'
import { taskFenced } from '../loop/task-fenced.ts'
import type {
  OpenTransaction, Outbox, OutgoingRecord, PartitionId, Position, Source, SourceListener, SourceRecord, TaskBroker, TransactionalProducer,
} from '../loop/ports.ts'

export interface LogRecord extends SourceRecord {}

export class MemoryLog {
  readonly #partitions = new Map<string, LogRecord[]>()
  readonly #committed = new Map<string, number>()
  readonly #epochs = new Map<string, number>()
  readonly #watchers = new Set<() => void>()

  append(record: OutgoingRecord): number {
    const partition = this.#partition(record)
    const offset = partition.length
    partition.push(asRead(record, offset))
    for (const watcher of this.#watchers) watcher()
    return offset
  }

  read(topic: string, partition = 0): LogRecord[] {
    return [...this.#partition({ topic, partition })]
  }

  /** All records of a topic, partition by partition. */
  readAll(topic: string): LogRecord[] {
    return [...this.#partitions].filter(([key]) => key.startsWith(`${topic}/`)).flatMap(([, records]) => records)
  }

  committed(group: string, id: PartitionId): number | undefined {
    return this.#committed.get(`${group} ${partitionKey(id)}`)
  }

  commit(group: string, position: Position): void {
    this.#committed.set(`${group} ${partitionKey(position)}`, position.offset)
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Raises the epoch of a transactional id: its older owners are fenced. */
  fence(id: string): number {
    const epoch = (this.#epochs.get(id) ?? 0) + 1
    this.#epochs.set(id, epoch)
    return epoch
  }

  isCurrent(id: string, epoch: number): boolean {
    return this.#epochs.get(id) === epoch
  }

  #partition(id: PartitionId): LogRecord[] {
    const key = partitionKey(id)
    const records = this.#partitions.get(key) ?? []
    this.#partitions.set(key, records)
    return records
  }
}

/** One member of a group; `assign` and `revoke` are the test's rebalances. */
export class MemorySource implements Source {
  readonly #log: MemoryLog
  readonly #group: string
  readonly #positions = new Map<string, Position>()
  readonly #paused = new Set<string>()
  /** Ours already, but not started yet. */
  readonly #assigning = new Set<string>()
  #listener: SourceListener | undefined
  #unwatch = (): void => {}
  /** Makes every commit fail while set. */
  commitFailure: Error | undefined

  constructor(log: MemoryLog, group: string) {
    this.#log = log
    this.#group = group
  }

  async start(listener: SourceListener): Promise<void> {
    this.#listener = listener
    this.#unwatch = this.#log.watch(() => queueMicrotask(() => this.#deliver()))
  }

  async assign(partitions: PartitionId[]): Promise<void> {
    for (const id of partitions) this.#assigning.add(partitionKey(id))
    const starts = await this.#listener!.assigned(partitions)
    for (const id of partitions) {
      const start = starts.find((position) => partitionKey(position) === partitionKey(id))?.offset ?? this.#log.committed(this.#group, id) ?? 0
      this.#positions.set(partitionKey(id), { ...id, offset: start })
      this.#paused.delete(partitionKey(id))
      this.#assigning.delete(partitionKey(id))
    }
    this.#deliver()
  }

  revoke(partitions: PartitionId[]): void {
    for (const id of partitions) this.#positions.delete(partitionKey(id))
    this.#listener!.revoked(partitions)
  }

  pause(partitions: PartitionId[]): void {
    for (const id of partitions) this.#paused.add(partitionKey(id))
  }

  resume(partitions: PartitionId[]): void {
    for (const id of partitions) this.#paused.delete(partitionKey(id))
    queueMicrotask(() => this.#deliver())
  }

  isPaused(id: PartitionId): boolean {
    return this.#paused.has(partitionKey(id))
  }

  seek(position: Position): void {
    if (this.#positions.has(partitionKey(position))) this.#positions.set(partitionKey(position), position)
    queueMicrotask(() => this.#deliver())
  }

  async committed(partitions: PartitionId[]): Promise<Position[]> {
    return partitions.flatMap((id) => {
      const offset = this.#log.committed(this.#group, id)
      return offset === undefined ? [] : [{ ...id, offset }]
    })
  }

  async commit(positions: Position[]): Promise<void> {
    if (this.commitFailure) throw this.commitFailure
    for (const position of positions) this.#log.commit(this.#group, position)
  }

  holds(id: PartitionId): boolean {
    return this.#positions.has(partitionKey(id)) || this.#assigning.has(partitionKey(id))
  }

  async stop(): Promise<void> {
    this.#unwatch()
    this.#positions.clear()
  }

  #deliver(): void {
    for (const [key, position] of this.#positions) {
      if (this.#paused.has(key)) continue
      const records = this.#log.read(position.topic, position.partition).slice(position.offset)
      if (records.length === 0) continue
      this.#positions.set(key, { ...position, offset: position.offset + records.length })
      this.#listener!.records({ topic: position.topic, partition: position.partition }, records)
    }
  }
}

export class MemoryOutbox implements Outbox {
  readonly #log: MemoryLog
  /** Called before each send; a throw loses the send, `'lost-reply'` writes it and loses the acknowledgement. */
  fault: ((records: OutgoingRecord[]) => 'lost-reply' | void) | undefined

  constructor(log: MemoryLog) {
    this.#log = log
  }

  async send(records: OutgoingRecord[]): Promise<void> {
    const outcome = this.fault?.(records)
    for (const record of records) this.#log.append(record)
    if (outcome === 'lost-reply') throw new Error('the acknowledgement was lost')
  }

  async close(): Promise<void> {}
}

/** Where a transaction is to fail: before anything is written, or after all of it is committed. */
export type TransactionFault = 'before-commit' | 'after-commit' | undefined

/** Nothing of a transaction is in the log before it is committed: what that leaves out is in FAKE-LIMITS.md. */
export class MemoryTaskBroker implements TaskBroker {
  readonly #log: MemoryLog
  readonly #group: string
  readonly #changelog: string
  /** Asked before each transaction that holds a position is committed. */
  fault: (() => TransactionFault) | undefined

  constructor(log: MemoryLog, group: string, changelog: string) {
    this.#log = log
    this.#group = group
    this.#changelog = changelog
  }

  async openProducer(id: PartitionId): Promise<TransactionalProducer> {
    const transactionalId = `${this.#group} ${partitionKey(id)}`
    let epoch: number | undefined
    return {
      begin: async () => {
        epoch ??= this.#log.fence(transactionalId)
        return this.#transaction(transactionalId, epoch)
      },
      close: async () => {},
    }
  }

  async committed(id: PartitionId): Promise<number | undefined> {
    return this.#log.committed(this.#group, id)
  }

  async oldest(): Promise<number> {
    return 0
  }

  async readChangelog(partition: number, from: number, take: (records: SourceRecord[]) => Promise<boolean> | boolean): Promise<void> {
    await take(this.#log.read(this.#changelog, partition).slice(from))
  }

  #transaction(transactionalId: string, epoch: number): OpenTransaction {
    const records: OutgoingRecord[] = []
    const positions: Position[] = []
    const checkOwner = (): void => {
      if (!this.#log.isCurrent(transactionalId, epoch)) throw taskFenced('another producer has the transactional id')
    }
    return {
      send: async (more) => {
        checkOwner()
        records.push(...more)
        return this.#endsWith(records)
      },
      position: async (position) => void positions.push(position),
      commit: async () => {
        checkOwner()
        this.#commit(records, positions)
      },
      abort: async () => {},
    }
  }

  /** Where each partition would end if the transaction were committed now. */
  #endsWith(records: OutgoingRecord[]): Position[] {
    const added = Map.groupBy(records, partitionKey)
    return [...added.values()].map((some) => ({ topic: some[0]!.topic, partition: some[0]!.partition, offset: this.#log.read(some[0]!.topic, some[0]!.partition).length + some.length }))
  }

  #commit(records: OutgoingRecord[], positions: Position[]): void {
    const fault = positions.length > 0 ? this.fault?.() : undefined
    if (fault === 'before-commit') throw new Error('the transaction was aborted')
    for (const record of records) this.#log.append(record)
    for (const position of positions) this.#log.commit(this.#group, position)
    if (fault === 'after-commit') throw new Error('the reply to the commit was lost')
  }
}

/** A record that was written at this offset, as a source gives it. */
export function asRead(record: OutgoingRecord, offset: number): SourceRecord {
  const headers = new Map(Object.entries(record.headers).map(([name, value]) => [name, Buffer.from(value)]))
  return { ...record, offset, headers, size: (record.key?.length ?? 0) + (record.value?.length ?? 0) }
}
