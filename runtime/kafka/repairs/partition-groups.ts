/** Replaces kafkajs's grouping of messages by partition, which copies a partition's list for every message that joins it. */
import { replaceKafkajsModule } from './kafkajs-modules.ts'

interface Grouping<M> {
  topic: string
  partitionMetadata: unknown[]
  messages: readonly M[]
  partitioner(choice: { topic: string; partitionMetadata: unknown[]; message: M }): number
}

/** By partition, each list in the order of `messages`. */
export function groupByPartition<M>({ topic, partitionMetadata, messages, partitioner }: Grouping<M>): Record<number, M[]> {
  const groups: Record<number, M[]> = {}
  if (partitionMetadata.length === 0) return groups
  for (const message of messages) (groups[partitioner({ topic, partitionMetadata, message })] ??= []).push(message)
  return groups
}

replaceKafkajsModule('producer/groupMessagesPerPartition', groupByPartition)
