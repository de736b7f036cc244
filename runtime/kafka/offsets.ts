/** Offsets as numbers: what a group has committed, and what the broker holds. */
import type { Admin } from './patches.ts'
import { partitionKey } from '../loop/partition-key.ts'
import type { PartitionId, Position } from '../loop/ports.ts'

/** Committed positions of a group; a partition without one is left out. */
export async function committedPositions(admin: Admin, groupId: string, partitions: PartitionId[]): Promise<Position[]> {
  if (partitions.length === 0) return []
  const topics = [...new Set(partitions.map(({ topic }) => topic))]
  const fetched = await admin.fetchOffsets({ groupId, topics })
  const wanted = new Set(partitions.map(partitionKey))
  return fetched
    .flatMap(({ topic, partitions: offsets }) => offsets.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) })))
    .filter((position) => position.offset >= 0 && wanted.has(partitionKey(position)))
}

export interface OffsetRange {
  /** Of the oldest record that the broker still has. */
  oldest: number
  /** After the newest record that a reader of committed records may see. */
  end: number
}

/** What the log of each partition spans, by `topic/partition`. */
export async function offsetRanges(admin: Admin, partitions: readonly PartitionId[]): Promise<Map<string, OffsetRange>> {
  const found = new Map<string, OffsetRange>()
  for (const topic of new Set(partitions.map((id) => id.topic))) {
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) found.set(partitionKey({ topic, partition }), { oldest: Number(low), end: Number(high) })
  }
  return found
}

/** Oldest offset that the broker still has, by `topic/partition`. */
export async function earliestOffsets(admin: Admin, partitions: readonly PartitionId[]): Promise<Map<string, number>> {
  return mapValues(await offsetRanges(admin, partitions), ({ oldest }) => oldest)
}

/** Offset after the newest record, by `topic/partition`. */
export async function endOffsets(admin: Admin, partitions: readonly PartitionId[]): Promise<Map<string, number>> {
  return mapValues(await offsetRanges(admin, partitions), ({ end }) => end)
}

function mapValues<V, W>(map: Map<string, V>, of: (value: V) => W): Map<string, W> {
  return new Map([...map].map(([key, value]) => [key, of(value)]))
}
