/** Which frames stand for an asset. */
import { Reject } from '#runtime/api.ts'
import type { AssetDeduplicated, Embedding } from '#schemas'

export type EmbedInput = AssetDeduplicated
export type { Embedding }

/**
 * Addresses of the frames whose vectors the asset gets: its original's when it is a copy. Empty for sound.
 * @throws Reject `embed.no-frames`
 */
export function framesOf({ normal, verdict }: EmbedInput): Buffer[] {
  if (normal.kind === 'audio') return []
  const frames = verdict.canonicalFrames.length > 0 ? verdict.canonicalFrames : normal.frames.map(({ blob }) => blob)
  if (frames.length === 0) throw new Reject('embed.no-frames', `The ${normal.kind} has no frames`)
  return frames
}

/** A still has one vector and no list of frames. An animation is a picture of several frames. */
export function isStill({ normal }: EmbedInput, frames: readonly Buffer[]): boolean {
  return normal.kind === 'image' && frames.length === 1
}
