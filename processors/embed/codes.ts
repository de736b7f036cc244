/** Why embed gives up on a record, waits, or stops: code, meaning and remedy. */
export const CODES = {
  'embed.model-missing': 'The configured model is not installed; install it with the command that the message names.',
  'embed.model-changed': 'The installed model file differs from the one its card names; install it again.',
  'embed.model-unusable': 'The installed model does not load, or does not do what its card says; install another.',
  'embed.no-frames': 'The asset is a picture or a video but has no frame to embed; submit it again after normalize is repaired.',
  'embed.frame-undecodable': 'A frame of the normal form cannot be decoded; run normalize again for this asset.',
  'embed.no-direction': 'The model gave a vector without direction (all zero or not finite); the picture cannot be compared.',
  'embed.frame-unreadable': 'The blob store could not be read; tried again later.',
  'embed.inference-failed': 'The model could not be run, most often for lack of memory; tried again later.',
  'embed.cache-unusable': 'A warning, not a failure: the folder of cached vectors cannot be used, so vectors are kept in memory only; correct its permissions.',
} as const
