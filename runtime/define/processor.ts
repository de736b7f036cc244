/** Stages as values: what is read, what is written, what is used, and one function. */
import type { RetryLater, Reject } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Opened, Services } from './service.ts'
import type { Outgoing, Topic } from './topic.ts'

export interface RetryPolicy {
  /** Attempts in all, the first included. */
  attempts: number
  firstDelayMs: number
  maxDelayMs: number
}

export interface ConcurrencyPolicy {
  /** Handlers at once in one partition. */
  inFlightPerPartition: number
  /** 'per-key': records of one key one at a time, in order. 'none': in any order. */
  order: 'per-key' | 'none'
}

export interface BatchPolicy {
  maxRecords: number
  maxWaitMs: number
}

interface Declared<S extends Services> {
  /** A verb; also names the group, the dead-letter topic, the service and the test folder. */
  name: string
  /** Raised when results change; part of every event id. */
  version: number
  /** Every topic that may be written. */
  writes: Topic[]
  uses?: S
}

/** What a handler is given besides its value: its services and these. */
export interface HandlerContext {
  /** Aborted when the deadline passes, the partition is taken away or the process ends. */
  signal: AbortSignal
  log: Log
}

export type Context<S extends Services> = Opened<S> & HandlerContext
export type Result = Outgoing[] | Reject | RetryLater

interface StatelessPolicy {
  concurrency?: ConcurrencyPolicy
  retry?: RetryPolicy
  /** Longest run of one handler call; then its signal is aborted and the attempt has failed. */
  deadlineMs?: number
}

export interface ProcessorSpec<In, S extends Services> extends Declared<S>, StatelessPolicy {
  reads: Topic<In>
  /** Deterministic: no clock, no randomness; it returns records and never sends. */
  handle(value: In, context: Context<S>): Promise<Outgoing[]> | Outgoing[]
}

export interface BatchProcessorSpec<In, S extends Services> extends Declared<S>, StatelessPolicy {
  reads: Topic<In>
  batch: BatchPolicy
  /** One result for each value, in order; a batch never succeeds or fails as a lump. */
  handleMany(values: In[], context: Context<S>): Promise<Result[]>
}

/** State in memory, rebuilt by applying every entry of its changelog in order. */
export interface State<Entry> {
  /** An entry that was applied before changes nothing. */
  apply(entry: Entry): void
}

/** Parts of a snapshot as they are read back, in the order in which they were given. */
export interface SnapshotParts {
  /** Fills the whole view with the next part, which must be as long. */
  into(cells: ArrayBufferView): Promise<void>
  /** The next part, which `jsonPart` made. */
  json(): Promise<unknown>
}

/** How a state is kept on the local disk, so that a restart need not read its whole changelog. */
export interface StateSnapshot<St> {
  /** Raised whenever the parts or their meaning change; older snapshots are then ignored. */
  layout: number
  /**
   * The whole state as views of its memory, in machine byte order. They are read one after the other while the state
   * rests; a step that takes more than some milliseconds would hold up heartbeats.
   */
  partsOf(state: St): Iterable<ArrayBufferView>
  /** The state that gave these parts. Whatever it throws makes the snapshot be ignored. */
  restore(parts: SnapshotParts): Promise<St>
}

export interface Decision<Entry> {
  write: Outgoing[]
  /** Entries for the changelog; applied to the state before the next decision. */
  remember: Entry[]
}

export interface StatefulSpec<In, Entry, St extends State<Entry>, S extends Services> extends Declared<S> {
  reads: Topic<In>
  state: { changelog: Topic<Entry>; open(): St; snapshot?: StateSnapshot<St> }
  batch: BatchPolicy
  /** Synchronous and pure over the state; asked again about a decided asset, it repeats its answer (I5). */
  decide(value: In, state: St, context: Context<S>): Decision<Entry>
}

export interface Processor<In = any, S extends Services = Services> extends Required<Omit<BatchProcessorSpec<In, S>, 'batch' | 'handleMany'>> {
  kind: 'processor'
  handle?: ProcessorSpec<In, S>['handle']
  batch?: BatchPolicy
  handleMany?: BatchProcessorSpec<In, S>['handleMany']
}

export interface StatefulProcessor<In = any, Entry = any, St extends State<Entry> = any, S extends Services = Services>
  extends Required<StatefulSpec<In, Entry, St, S>> {
  kind: 'stateful'
}

const DEFAULTS = {
  concurrency: { inFlightPerPartition: 8, order: 'per-key' },
  retry: { attempts: 6, firstDelayMs: 200, maxDelayMs: 30_000 },
  deadlineMs: 120_000,
} as const satisfies StatelessPolicy

export function defineProcessor<In, const S extends Services = {}>(spec: ProcessorSpec<In, S>): Processor<In, S>
export function defineProcessor<In, const S extends Services = {}>(spec: BatchProcessorSpec<In, S>): Processor<In, S>
export function defineProcessor<In, S extends Services>(spec: ProcessorSpec<In, S> | BatchProcessorSpec<In, S>): Processor<In, S> {
  return Object.freeze({ kind: 'processor', ...DEFAULTS, uses: {} as S, ...spec }) as Processor<In, S>
}

export function defineStateful<In, Entry, St extends State<Entry>, const S extends Services = {}>(
  spec: StatefulSpec<In, Entry, St, S>,
): StatefulProcessor<In, Entry, St, S> {
  return Object.freeze({ kind: 'stateful', uses: {} as S, ...spec }) as StatefulProcessor<In, Entry, St, S>
}
