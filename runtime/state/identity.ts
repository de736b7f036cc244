/** What a snapshot must agree with to be of use: written at its head, compared before anything else is read. */
import { createHash } from 'node:crypto'
import { endianness } from 'node:os'
import type { StatefulProcessor } from '../define/processor.ts'

/** Raised when the form of the file changes. */
const FORMAT = 1

export interface Identity {
  format: number
  byteOrder: string
  groupId: string
  stage: string
  version: number
  layout: number
  input: string
  partition: number
  changelog: string
  changelogId: string
  /** Of the changelog's schema: a state made from other values may lack something. */
  schemaSha256: string
}

export function identityOf(parts: { groupId: string; processor: StatefulProcessor; partition: number; changelogId: string }): Identity {
  const { groupId, partition, changelogId, processor: { name, version, reads, state: { changelog, snapshot } } } = parts
  return {
    format: FORMAT, byteOrder: endianness(), groupId, stage: name, version, layout: snapshot!.layout, input: reads.name, partition,
    changelog: changelog.name, changelogId, schemaSha256: createHash('sha256').update(JSON.stringify(changelog.schema)).digest('hex'),
  }
}

/** Throws with the names of what differs. */
export function requireSame(found: Identity, wanted: Identity): void {
  const different = Object.entries(wanted).filter(([key, value]) => found[key as keyof Identity] !== value).map(([key]) => key)
  if (different.length > 0) throw new Error(`it is of another ${different.join(', ')}`)
}
