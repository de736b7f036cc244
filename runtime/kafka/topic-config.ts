/** How a topic is kept, in Kafka's own settings. Every setting that we care about is set: a broker's defaults differ. */
import type { TopicPlan } from '../define/topology.ts'

export type TopicConfig = Record<string, string>

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MIB = 2 ** 20

/** The settings of a topic with so many replicas. */
export function configOf(plan: TopicPlan, replicationFactor: number): TopicConfig {
  return {
    'cleanup.policy': plan.cleanup,
    'max.message.bytes': String(plan.maxMessageBytes),
    // What the producer compressed is stored as it came; the broker would otherwise do the work again.
    'compression.type': 'producer',
    // Event time travels with the record, and the age of a record is counted from it.
    'message.timestamp.type': 'CreateTime',
    // One replica may be away. With two, a broker that restarts would stop every producer.
    'min.insync.replicas': replicationFactor >= 3 ? '2' : '1',
    'unclean.leader.election.enable': 'false',
    ...(plan.cleanup === 'compact' ? compacted() : deleted(plan.retentionMs)),
  }
}

/** Only whole segments go, so a segment spans a small part of the retention. */
function deleted(retentionMs: number): TopicConfig {
  return {
    'retention.ms': String(retentionMs),
    // By age alone: a broker's default by size would delete records that nobody has read.
    'retention.bytes': '-1',
    'segment.ms': String(Math.max(HOUR_MS, Math.min(DAY_MS, Math.floor(retentionMs / 7)))),
    'segment.bytes': String(256 * MIB),
  }
}

/**
 * The open segment is never compacted: small segments keep a restore short. A tombstone stays for a day, so that a
 * reader that began before it was written sees it.
 */
function compacted(): TopicConfig {
  return {
    'min.compaction.lag.ms': '60000',
    'delete.retention.ms': String(DAY_MS),
    'segment.ms': String(DAY_MS),
    'segment.bytes': String(64 * MIB),
    'min.cleanable.dirty.ratio': '0.3',
  }
}

/** Whether going from one value to the other lets records go that would have been kept, or refuses ones taken so far. */
export function losesRecords(name: string, from: string, to: string): boolean {
  if (name === 'cleanup.policy') return true
  if (name === 'retention.ms' || name === 'retention.bytes') return Number(to) !== -1 && (Number(from) === -1 || Number(to) < Number(from))
  if (name === 'max.message.bytes' || name === 'delete.retention.ms') return Number(to) < Number(from)
  return false
}
