/**
 * Dead letters: the original key, value and headers of a record that can never succeed, plus headers that say where
 * it came from and why. The bytes are untouched, so that a redrive can put them back (I6).
 */
import { parseTraceparent } from '../telemetry/trace-parent.ts'
import type { Failure, OutgoingRecord, SourceRecord } from './ports.ts'

export const DEAD_HEADERS = {
  stage: 'dead-stage',
  code: 'dead-code',
  reason: 'dead-reason',
  topic: 'dead-topic',
  partition: 'dead-partition',
  offset: 'dead-offset',
  attempts: 'dead-attempts',
  firstFailedAt: 'dead-first-failed-at',
} as const

export interface Death {
  stage: string
  code: string
  reason: string
  attempts: number
  /** Unix milliseconds. */
  firstFailedAtMs: number
}

/** A stage's dead-letter topic. */
export function deadLetterTopic(stage: string): string {
  return `${stage}.dead`
}

/** The dead letter of `record`, to be written to the stage's dead-letter topic. */
export function deadLetterRecord(record: SourceRecord, death: Death, partition: number): OutgoingRecord {
  return {
    topic: deadLetterTopic(death.stage),
    partition,
    key: record.key,
    value: record.value,
    timestampMs: record.timestampMs,
    headers: { ...Object.fromEntries(record.headers), ...describe(record, death) },
  }
}

function describe(record: SourceRecord, death: Death): Record<string, string> {
  return {
    [DEAD_HEADERS.stage]: death.stage,
    [DEAD_HEADERS.code]: death.code,
    [DEAD_HEADERS.reason]: death.reason,
    [DEAD_HEADERS.topic]: record.topic,
    [DEAD_HEADERS.partition]: String(record.partition),
    [DEAD_HEADERS.offset]: String(record.offset),
    [DEAD_HEADERS.attempts]: String(death.attempts),
    [DEAD_HEADERS.firstFailedAt]: String(death.firstFailedAtMs),
  }
}

/** The failure that a dead letter tells of. A header that is missing or odd gets a value that says so, never an error. */
export function parseDeadLetter(record: SourceRecord): Failure {
  const text = (name: keyof typeof DEAD_HEADERS, fallback: string): string => record.headers.get(DEAD_HEADERS[name])?.toString('utf8') ?? fallback
  const number = (name: keyof typeof DEAD_HEADERS, fallback: number): number => {
    const value = Number(text(name, ''))
    return text(name, '') !== '' && Number.isSafeInteger(value) && value >= 0 ? value : fallback
  }
  return {
    stage: text('stage', record.topic.replace(/\.dead$/, '')),
    code: text('code', 'dead-letter.no-code'),
    reason: text('reason', 'The dead letter carries no reason.'),
    key: record.key?.toString('utf8') ?? null,
    topic: text('topic', record.topic),
    partition: number('partition', record.partition),
    offset: number('offset', record.offset),
    attempts: number('attempts', 1),
    eventTimeMs: record.timestampMs,
    traceId: parseTraceparent(record.headers.get('traceparent'))?.traceId ?? null,
    value: record.value,
  }
}
