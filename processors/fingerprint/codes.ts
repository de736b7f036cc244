/** Rejection and halt codes of fingerprint: what happened, and what to do. */
export const CODES = {
  'fingerprint.undecodable-frame': 'A normal-form frame is no picture that can be decoded. Look for a damaged blob store; then replay normalize for the asset.',
  'fingerprint.undecodable-sound': 'The normal-form sound cannot be decoded. Look for a damaged blob store; then replay normalize for the asset.',
  'fingerprint.frame-timeout': 'Decoding a frame took longer than its deadline. It is tried again; check the load of the machine.',
  'fingerprint.sound-timeout': 'Fingerprinting the sound took longer than its deadline. It is tried again; check the load of the machine.',
  'fingerprint.no-chromaprint': 'The installed ffmpeg cannot make acoustic fingerprints. Install an ffmpeg that was built with --enable-chromaprint.',
} as const
