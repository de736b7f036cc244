/** Rejection and halt codes of dedupe: what happened, and what to do. */
export const CODES = {
  'dedupe.bad-asset-id': 'The asset id is no UUID in its canonical lower-case form. Correct the producer, which must give UUIDv7 at the edge.',
  'dedupe.bad-fingerprint': 'The fingerprint has not one frame for each frame of the normal form. Replay fingerprint for the asset.',
  'dedupe.broken-changelog': 'The changelog names an original that it does not hold. Restore the topic dedupe.decided, or empty it and replay asset.fingerprinted from its beginning.',
} as const
