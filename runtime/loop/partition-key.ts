import type { PartitionId } from './ports.ts'

/** A partition as the key of a map, and as people write it: `topic/partition`. */
export function partitionKey({ topic, partition }: PartitionId): string {
  return `${topic}/${partition}`
}
