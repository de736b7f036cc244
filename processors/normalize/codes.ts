/** Why normalize refuses a file: each code with its meaning and what to do about it. */
export const CODES = {
  'normalize.corrupt': 'The decoder finds the file damaged; get an intact copy and submit it again.',
  'normalize.truncated': 'The file ends before its content does; it was cut short at its source, submit it again once it is whole.',
  'normalize.unsupported-format': 'The content is of no format that is decoded here; convert it to a common one (JPEG, PNG, WebP, MP4, WebM, FLAC, …).',
  'normalize.too-many-pixels': 'The picture claims more pixels than may be decoded; submit a smaller one.',
  'normalize.too-long': 'The recording is longer, or has more packets, than may be read; split it.',
  'normalize.encrypted': 'The media is encrypted (DRM); submit a clear copy.',
  'normalize.no-media-stream': 'The container holds neither picture nor sound, for example subtitles only.',
  'normalize.empty-video': 'The video has no frame that can be decoded.',
  'normalize.empty-sound': 'The sound track has no sample that can be decoded.',
  'normalize.decoder-crash': 'The decoder process died on this file, twice; keep the file as a sample for a decoder fix, then redrive.',
  'normalize.decoder-timeout': 'The decoder did not finish within its deadline and was ended; redrive if the machine was overloaded.',
  'normalize.decoder-memory': 'The decoder needed more memory than it may have and was ended; submit a smaller file.',
  'normalize.decoder-unusable': 'The decoder process cannot start on this machine; look at the reason, run `npm ci` and start the stage again.',
  'normalize.ffmpeg-missing': 'No ffmpeg or ffprobe was found on this machine: install ffmpeg 5.1 or newer and start the stage again.',
} as const

export type Code = keyof typeof CODES
