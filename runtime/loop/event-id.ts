/**
 * Event ids: the n-th output of a stage for an input always has the same id (I2). The id is derived from the input's
 * own event id, and from its coordinates only when it brought none. So the two copies of an input that was written
 * twice after a crash lead to two copies of one output event, not to two events.
 */
import { hash } from 'node:crypto'
import type { SourceRecord } from './ports.ts'

export const EVENT_ID_HEADER = 'event-id'

interface StageVersion { name: string; version: number }

/** 32 hexadecimal digits. `headers` are the input's, for who has asked for them already. */
export function eventId(stage: StageVersion, input: SourceRecord, n: number, headers = input.headers): string {
  const origin = headers.get(EVENT_ID_HEADER)?.toString('latin1') ?? `${input.topic}/${input.partition}/${input.offset}`
  return hash('sha256', `${stage.name}\0${stage.version}\0${origin}\0${n}`, 'hex').slice(0, 32)
}
