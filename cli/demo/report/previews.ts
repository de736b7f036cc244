/** Makes the report's small pictures from files: thumbnails, key frames, and for sounds a curve of their loudness. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import sharp from 'sharp'
import type { Kind } from '../facts.ts'
import { inParallel } from '../media/in-parallel.ts'
import type { KeyFrame, ReportPictures } from './pictures.ts'

export interface PreviewSource {
  name: string
  kind: Kind
  /** File with the picture to show; null where there is none. */
  thumbnail: string | null
  /** Files of the key frames, in order of time. */
  frames: readonly { ptsMicros: number; path: string }[]
  /** File with the sound. */
  sound: string | null
}

const THUMBNAIL_SIDE = 320
const FRAME_SIDE = 220
/** More would make a file that no browser opens with pleasure: about 12 kB each. */
const MOST_PREVIEWS = 1_000
const MOST_FRAMES = 32
const AT_ONCE = 4
const DEADLINE_MS = 20_000
const MAX_JPEG_BYTES = 4 << 20

/** Previews of the first thousand. A file that cannot be read is left without one, and is counted in `missing`. */
export async function makePreviews(sources: readonly PreviewSource[], signal: AbortSignal): Promise<ReportPictures & { missing: number }> {
  const thumbnails = new Map<string, Buffer>()
  const keyFrames = new Map<string, KeyFrame[]>()
  let missing = Math.max(0, sources.length - MOST_PREVIEWS)
  const jobs = sources.slice(0, MOST_PREVIEWS).map((source) => async () => {
    try {
      const picture = await pictureOf(source, signal)
      if (picture) thumbnails.set(source.name, picture)
      if (source.kind === 'video') keyFrames.set(source.name, await framesOf(source))
    } catch {
      signal.throwIfAborted()
      missing++
    }
  })
  await inParallel(jobs, AT_ONCE, signal)
  return { thumbnails, keyFrames, missing }
}

async function pictureOf({ thumbnail, frames, sound }: PreviewSource, signal: AbortSignal): Promise<Buffer | undefined> {
  // The middle of a video says more than its beginning, which is often black.
  const path = thumbnail ?? frames[Math.floor(frames.length / 2)]?.path
  if (path !== undefined) return shrink(path, THUMBNAIL_SIDE)
  return sound === null ? undefined : loudnessCurve(sound, signal)
}

function framesOf({ frames }: PreviewSource): Promise<KeyFrame[]> {
  return Promise.all(frames.slice(0, MOST_FRAMES).map(async ({ ptsMicros, path }) => ({ ptsMicros, jpeg: await shrink(path, FRAME_SIDE) })))
}

function shrink(path: string, side: number): Promise<Buffer> {
  return sharp(path).autoOrient().resize(side, side, { fit: 'inside', withoutEnlargement: true }).jpeg({ quality: 78 }).toBuffer()
}

async function loudnessCurve(path: string, signal: AbortSignal): Promise<Buffer> {
  const filter = 'color=c=0x1c2733:s=480x120[ground];[0:a]aformat=channel_layouts=mono,showwavespic=s=480x120:scale=sqrt:colors=0x58c798[wave];[ground][wave]overlay=format=auto'
  const { stdout } = await promisify(execFile)(
    'ffmpeg', ['-v', 'error', '-nostdin', '-i', path, '-filter_complex', filter, '-frames:v', '1', '-f', 'mjpeg', '-q:v', '3', 'pipe:1'],
    { encoding: 'buffer', timeout: DEADLINE_MS, maxBuffer: MAX_JPEG_BYTES, signal },
  )
  return stdout
}
