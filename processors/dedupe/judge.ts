/**
 * The decision about a new asset. Pure over the state.
 *
 * Tests from the strongest claim to the weakest, and the first that holds decides: same bytes, same picture (equal
 * pixels in every frame), near copy, original. An asset is compared with originals only, never with copies: nearness is
 * not transitive, and a chain of copies must not drift away from what it claims to be a copy of.
 */
import type { AssetFingerprinted, Fingerprint } from '#schemas'
import type { Decision } from './decisions.ts'
import type { Film } from './films.ts'
import type { Look } from './frame-index.ts'
import { isFilm, telling, type DedupeState } from './state.ts'

/** Everything but the number of a new original, which the state gives. */
export type Judgement = Omit<Decision, 'original'> & { original: number | null }

export function judge({ content, normal, fingerprint }: AssetFingerprinted, state: DedupeState): Judgement {
  const frames = fingerprint.frames.map((frame, at) => ({ ...frame, blob: normal.frames[at]!.blob }))
  const look = { kind: normal.kind, content: content.sha256, frames }
  return sameBytes(state.originals.withBytes(look.content))
    ?? samePicture(state.originals.withPicture(look), frames.length)
    ?? nearCopy(normal, fingerprint, state)
    ?? original(look.kind, fingerprint)
}

function sameBytes(original: number | undefined): Judgement | undefined {
  return original === undefined ? undefined : copy('same-bytes', original, 0, 'equal SHA-256 of the bytes')
}

function samePicture(original: number | undefined, frames: number): Judgement | undefined {
  if (original === undefined) return undefined
  return copy('same-picture', original, 0, frames === 1 ? 'equal pixels' : `equal pixels in all ${frames} frames`)
}

function nearCopy({ kind, durationMicros }: AssetFingerprinted['normal'], fingerprint: Fingerprint, state: DedupeState): Judgement | undefined {
  if (kind === 'audio') return nearSound(fingerprint.acoustic, state)
  const frames = telling(fingerprint.frames)
  return isFilm({ kind, frames: fingerprint.frames }) ? nearFilm({ frames, durationMicros }, state) : nearStill(frames[0], state)
}

function nearStill(look: Look | undefined, { stills }: DedupeState): Judgement | undefined {
  const near = look && stills.nearest(look)
  return near && copy('near-copy', near.owner, near.pdq, `pdq ${near.pdq}, blockhash ${near.blockhash}`)
}

function nearFilm(film: Film, { films }: DedupeState): Judgement | undefined {
  const near = films.nearest(film)
  if (!near) return undefined
  const evidence = `${near.found} of ${near.of} frames found, ${near.foundBack} of ${near.ofBack} the other way, mean pdq ${near.pdq}`
  return { ...copy('near-copy', near.owner, near.pdq, evidence), matched: Math.fround(near.share), timeOffsetMicros: near.timeOffsetMicros }
}

function nearSound(acoustic: Uint8Array | null, { sounds }: DedupeState): Judgement | undefined {
  const near = acoustic && sounds.nearest(acoustic)
  if (!near) return undefined
  const evidence = `chromaprint, ${near.errors} of 1,000 bits differ`
  return { ...copy('near-copy', near.owner, near.errors, evidence), matched: Math.fround(near.share), timeOffsetMicros: near.timeOffsetMicros }
}

function copy(relation: Decision['relation'], original: number, distance: number, evidence: string): Judgement {
  return { relation, original, distance, evidence, matched: null, timeOffsetMicros: null }
}

function original(kind: string, fingerprint: Fingerprint): Judgement {
  return { relation: 'original', original: null, distance: null, evidence: reasonFor(kind, fingerprint), matched: null, timeOffsetMicros: null }
}

/** Says when an asset could not have been recognised as a near copy. */
function reasonFor(kind: string, { frames, acoustic }: Fingerprint): string {
  if (kind === 'audio') return acoustic ? 'nothing alike' : 'too short for an acoustic fingerprint'
  return telling(frames).length > 0 ? 'nothing alike' : 'too little detail for near copies'
}
