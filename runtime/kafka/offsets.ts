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

/** Oldest offset that the broker still has, by `topic/partition`. */
export async function earliestOffsets(admin: Admin, partitions: PartitionId[]): Promise<Map<string, number>> {
  return offsetsOf(admin, partitions, 'low')
}

/** Offset after the newest record, by `topic/partition`. */
export async function endOffsets(admin: Admin, partitions: PartitionId[]): Promise<Map<string, number>> {
  return offsetsOf(admin, partitions, 'high')
}

async function offsetsOf(admin: Admin, partitions: PartitionId[], which: 'low' | 'high'): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const topic of new Set(partitions.map((id) => id.topic))) {
    for (const entry of await admin.fetchTopicOffsets(topic)) found.set(partitionKey({ topic, partition: entry.partition }), Number(entry[which]))
  }
  return found
}
