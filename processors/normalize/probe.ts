/** The streams of a container, reduced to what normalize needs. */
import type { FfprobeData, FfprobeStream } from 'fluent-ffmpeg'
import type { Size } from './fit.ts'

export interface VideoStream {
  index: number
  codec: string
  /** As coded, before rotation. */
  coded: Size
  /** Width of a pixel divided by its height. */
  pixelAspect: number
  /** Clockwise turn that makes it upright: 0, 90, 180 or 270 degrees. */
  rotation: number
  /** Whether ffmpeg knows nothing of the rotation, so that we turn it. */
  rotationByName: boolean
  /** Seconds of one tick: numerator and denominator. */
  timeBase: [number, number]
  colorSpace: string
  colorTransfer: string
}

export interface SoundStream {
  index: number
  codec: string
}

export interface Container {
  /** Seconds that the container claims; undefined when it does not say. */
  durationSeconds: number | undefined
  video: VideoStream | undefined
  sound: SoundStream | undefined
  /** Streams of sound or picture, decodable or not. */
  mediaStreams: number
}

/** Cover art is no video: a song with a picture is a sound. */
export function readContainer({ streams, format }: FfprobeData): Container {
  const media = streams.filter((stream) => (stream.codec_type === 'video' && !isCover(stream)) || stream.codec_type === 'audio')
  const known = media.filter((stream) => stream.codec_name !== undefined && !['unknown', 'none'].includes(stream.codec_name))
  const video = known.find((stream) => stream.codec_type === 'video' && Number(stream.width) > 0 && Number(stream.height) > 0)
  const sound = known.find((stream) => stream.codec_type === 'audio')
  return {
    durationSeconds: positive(format.duration) ?? positive(video?.duration) ?? positive(sound?.duration),
    video: video && readVideo(video),
    sound: sound && { index: sound.index, codec: sound.codec_name! },
    mediaStreams: media.length,
  }
}

/**
 * The claimed playing time in microseconds, or null without a claim or when what was measured shows it to be far off,
 * as in files cut out of a live stream. `measuredMicros` may be 0 for unknown.
 */
export function plausibleMicros(claimedSeconds: number | undefined, measuredMicros: number): number | null {
  if (claimedSeconds === undefined) return null
  const claimedMicros = Math.round(claimedSeconds * 1e6)
  return measuredMicros === 0 || claimedMicros <= 10 * measuredMicros + 10_000_000 ? claimedMicros : null
}

function isCover(stream: FfprobeStream): boolean {
  return Number(stream.disposition?.attached_pic) === 1
}

function readVideo(stream: FfprobeStream): VideoStream {
  const byName = rotationByName(stream)
  const byMatrix = (((-Number(stream.rotation ?? 0) % 360) + 360) % 360)
  return {
    index: stream.index,
    codec: stream.codec_name!,
    coded: { width: Number(stream.width), height: Number(stream.height) },
    pixelAspect: ratio(stream.sample_aspect_ratio, ':') ?? 1,
    rotation: Math.round((byName || byMatrix || 0) / 90) * 90 % 360,
    rotationByName: byName > 0,
    timeBase: timeBase(stream.time_base),
    colorSpace: String(stream.color_space ?? 'unknown'),
    colorTransfer: String(stream.color_transfer ?? 'unknown'),
  }
}

/** HTC phones wrote the rotation of Matroska videos into the track's name, and nowhere else; ExoPlayer reads it too. */
function rotationByName(stream: FfprobeStream): number {
  const match = /^htc_video_rot\w-(090|180|270)$/.exec(String(stream.tags?.title ?? ''))
  return match ? Number(match[1]) : 0
}

function ratio(text: unknown, separator: string): number | undefined {
  const [above, below] = String(text).split(separator).map(Number)
  return above && below && above > 0 && below > 0 ? above / below : undefined
}

function timeBase(text: unknown): [number, number] {
  const [above, below] = String(text).split('/').map(Number)
  return above && below ? [above, below] : [1, 1_000_000]
}

function positive(value: unknown): number | undefined {
  const number = Number(value)
  return Number.isFinite(number) && number > 0 ? number : undefined
}
