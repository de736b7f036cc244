/** Says of every asset whether it is an original or a copy, and of which original. One owner, one partition (I5). */
import { defineStateful, Reject, type Decision as Effects } from '#runtime/api.ts'
import { assetDeduplicated, assetFingerprinted, dedupeDecided } from '#topics'
import type { AssetFingerprinted, DedupeDecided, DuplicateVerdict } from '#schemas'
import { judge, type Judgement } from './judge.ts'
import { DedupeState } from './state.ts'

export const dedupe = defineStateful({
  name: 'dedupe',
  version: 1,
  reads: assetFingerprinted,
  writes: [assetDeduplicated],
  state: {
    changelog: dedupeDecided,
    open: () => new DedupeState(),
    snapshot: { layout: 1, partsOf: (state) => state.parts(), restore: (parts) => DedupeState.restore(parts) },
  },
  batch: { maxRecords: 500, maxWaitMs: 20 },
  decide(asset, state): Effects<DedupeDecided> {
    requireWhole(asset)
    const known = state.recall(asset.assetId)
    const judgement = known ? { ...known, original: known.relation === 'original' ? null : known.original } : judge(asset, state)
    return {
      write: [assetDeduplicated({ ...asset, verdict: verdictOf(judgement, asset, state) })],
      remember: known ? [] : [entryOf(judgement, asset, state)],
    }
  },
})

/** @throws Reject `dedupe.bad-fingerprint` */
function requireWhole({ normal, fingerprint }: AssetFingerprinted): void {
  if (normal.frames.length === fingerprint.frames.length) return
  throw new Reject('dedupe.bad-fingerprint', `${fingerprint.frames.length} fingerprints of ${normal.frames.length} frames`)
}

function verdictOf(judgement: Judgement, asset: AssetFingerprinted, state: DedupeState): DuplicateVerdict {
  const { original, ...claim } = judgement
  return original === null
    ? { ...claim, of: null, canonicalFrames: asset.normal.frames.map((frame) => frame.blob) }
    : { ...claim, of: state.assetIdOf(original), canonicalFrames: state.originals.framesOf(original) }
}

function entryOf(judgement: Judgement, asset: AssetFingerprinted, state: DedupeState): DedupeDecided {
  const { original, ...claim } = judgement
  const isOriginal = original === null
  return {
    ...claim,
    assetId: asset.assetId,
    sequence: state.nextSequence,
    kind: asset.normal.kind,
    content: asset.content.sha256,
    of: isOriginal ? null : state.assetIdOf(original),
    frames: isOriginal ? asset.fingerprint.frames.map((frame, at) => ({ ...frame, blob: asset.normal.frames[at]!.blob })) : [],
    acoustic: isOriginal && asset.normal.kind === 'audio' ? asset.fingerprint.acoustic : null,
    durationMicros: isOriginal ? asset.normal.durationMicros : null,
  }
}
