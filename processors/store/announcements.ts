/** What the sink tells the world once a row, or a failure's row, is committed. */
import type { Failure, Outgoing } from '#runtime/api.ts'
import { assetFailed, assetStored } from '#topics'
import type { KeptAsset } from './asset-row.ts'

/** Texts of dead letters come from outside; an announcement stays a small record. */
const MAX_CHARACTERS = 500

export function announceRow({ id, relationName, canonicalId, cluster }: KeptAsset): Outgoing {
  return assetStored({ assetId: id, relation: relationName, of: canonicalId, cluster })
}

export function announceFailure({ key, stage, code, reason }: Failure): Outgoing {
  return assetFailed({ assetId: clip(key ?? ''), stage: clip(stage), code: clip(code), reason: clip(reason) })
}

function clip(text: string): string {
  return text.slice(0, MAX_CHARACTERS)
}
