/** What must become of a record, by a plain model: no code of the runtime takes part. */
import { createHash } from 'node:crypto'
import type { SourceRecord } from '#runtime/loop/ports.ts'
import type { Checked, Made } from '../workload/topology.ts'

export type Fate = { event: Made; code?: undefined } | { event?: undefined; code: string }

/** The event that a made record carries, or the code with which `check` must give it up. */
export function fateOfMade({ key, value }: SourceRecord): Fate {
  if (value === null) return { code: 'record.no-value' }
  if (value.length < 5 || value[0] !== 0) return { code: 'record.bad-magic' }
  if (value.readUInt32BE(1) >= 5_000) return { code: 'record.unknown-schema' }
  const event = parse<Made>(value)
  if (!event) return { code: 'record.undecodable' }
  if (key === null) return { code: 'record.no-key' }
  if (key.toString() !== event.key) return { code: 'record.key-mismatch' }
  if (event.kind === 'spoiled') return { code: 'check.spoiled' }
  return event.kind === 'throws' ? { code: 'runtime.unclassified' } : { event }
}

/** A record's value; undefined when it is none. */
export function parse<V>(value: Buffer | null): V | undefined {
  try {
    return JSON.parse(value!.subarray(5).toString('utf8')) as V
  } catch {
    return undefined
  }
}

export function eventIdOf({ headers }: SourceRecord): string {
  return headers.get('event-id')?.toString() ?? ''
}

/** The event id that a stage must give to its output for an input: see DESIGN.md, I2. */
export function outputIdOf(stage: string, input: SourceRecord): string {
  const origin = eventIdOf(input) || placeOf(input)
  return createHash('sha256').update([stage, '1', origin, '0'].join('\0')).digest('hex').slice(0, 32)
}

/** Where the record of a dead letter came from. */
export function originOf(headers: { get(name: string): Buffer | string | undefined }): string {
  return ['dead-topic', 'dead-partition', 'dead-offset'].map((name) => String(headers.get(name))).join('/')
}

/** `topic/partition/offset`. */
export function placeOf({ topic, partition, offset }: { topic: string; partition: number; offset: number }): string {
  return `${topic}/${partition}/${offset}`
}

export interface Answer { verdict: 'original' | 'copy'; of: string | null }

/** The model of `first`: the first event of a family is the original; asked again, the answer stays. */
export class FamilyModel {
  readonly answers = new Map<string, Answer & { family: string }>()
  readonly #originals = new Map<string, string>()

  answer({ id, family }: Checked): Answer {
    const known = this.answers.get(id)
    if (known) return known
    const of = this.#originals.get(family) ?? null
    if (of === null) this.#originals.set(family, id)
    const answer = { family, verdict: of === null ? 'original' as const : 'copy' as const, of }
    this.answers.set(id, answer)
    return answer
  }
}
