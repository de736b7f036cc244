/**
 * How far a sink has come, partition by partition (I4). The rows of `sink_progress` are locked first and in sorted
 * order by claims and commits alike, so rival owners take turns and never wait in a circle.
 */
import { RetryLater } from '../errors.ts'
import { partitionKey } from '../loop/partition-key.ts'
import type { PartitionId, Position, Progress } from '../loop/ports.ts'
import { SinkFenced } from '../loop/sink-fenced.ts'
import type { Query } from './dictionary.ts'

interface ProgressRow { topic: string; partition: number; next_offset: string; owner_epoch: string }

/**
 * The statement waits for the lock of an owner that is still committing, so what it returns is final; then that owner's
 * next commit finds another epoch.
 */
const CLAIM = `
  insert into sink_progress as p (sink, topic, partition, next_offset, owner_epoch, owner, owner_backend)
  select $1, topic, partition, 0, 1, $4, pg_backend_pid() from unnest($2::text[], $3::int[]) as w (topic, partition) order by topic, partition
  on conflict (sink, topic, partition) do update
    set owner_epoch = p.owner_epoch + 1, owner = excluded.owner, owner_backend = excluded.owner_backend, updated_at = now()
  returning topic, partition, next_offset, owner_epoch`

const LOCK = `
  select p.topic, p.partition, p.next_offset, p.owner_epoch from sink_progress p
  where p.sink = $1 and (p.topic, p.partition) in (select * from unnest($2::text[], $3::int[]))
  order by p.topic, p.partition for update`

const ADVANCE = `
  update sink_progress p set next_offset = w.next_offset, updated_at = now()
  from unnest($2::text[], $3::int[], $4::bigint[]) as w (topic, partition, next_offset)
  where p.sink = $1 and p.topic = w.topic and p.partition = w.partition`

/**
 * Ends the connections of owners of these partitions. An owner that froze in the middle of a COPY is ended by none of
 * the server's timeouts, since they do not interrupt the reading of COPY data.
 */
const END_OWNERS = `
  select pg_terminate_backend(a.pid) from sink_progress p join pg_stat_activity a on a.pid = p.owner_backend and a.application_name = p.owner
  where p.sink = $1 and (p.topic, p.partition) in (select * from unnest($2::text[], $3::int[])) and a.pid <> pg_backend_pid()`

export class ProgressTable {
  readonly #sink: string
  readonly #owner: string
  readonly #epochs = new Map<string, string>()

  /** `owner` is the connection's application name. */
  constructor(sink: string, owner: string) {
    this.#sink = sink
    this.#owner = owner
  }

  async claim(partitions: PartitionId[], query: Query): Promise<Position[]> {
    const { rows } = await query<ProgressRow>(CLAIM, [this.#sink, ...columnsOf(partitions), this.#owner])
    for (const row of rows) this.#epochs.set(partitionKey(row), row.owner_epoch)
    return rows.map(({ topic, partition, next_offset }) => ({ topic, partition, offset: Number(next_offset) }))
  }

  async endOwners(partitions: PartitionId[], query: Query): Promise<void> {
    await query(END_OWNERS, [this.#sink, ...columnsOf(partitions)])
  }

  /**
   * In a transaction: locks the progress, checks that it is ours and where we believe it to be, and moves it.
   * @throws SinkFenced, RetryLater `sink.out-of-step`
   */
  async advance(progress: Progress[], query: Query): Promise<void> {
    const { rows } = await query<ProgressRow>(LOCK, [this.#sink, ...columnsOf(progress)])
    const held = new Map(rows.map((row) => [partitionKey(row), row]))
    const lost = progress.filter((each) => held.get(partitionKey(each))?.owner_epoch !== this.#epochs.get(partitionKey(each)) || !held.has(partitionKey(each)))
    if (lost.length > 0) throw new SinkFenced(lost)
    const off = progress.find((each) => Number(held.get(partitionKey(each))!.next_offset) !== each.from)
    if (off) throw new RetryLater('sink.out-of-step', `${partitionKey(off)} is at ${held.get(partitionKey(off))!.next_offset}, not at ${off.from}.`)
    await query(ADVANCE, [this.#sink, ...columnsOf(progress), progress.map(({ to }) => to)])
  }
}

function columnsOf(partitions: PartitionId[]): [string[], number[]] {
  return [partitions.map(({ topic }) => topic), partitions.map(({ partition }) => partition)]
}
