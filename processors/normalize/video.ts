/** Videos to normal form: a bounded choice of key frames, upright, sRGB, with the container's own times. */
import { Refused, type Decoded, type DecodedFrame } from './decoded.ts'
import { FfmpegFailed, runFfmpeg, type Input } from './ffmpeg.ts'
import { contrastOf, fit, flattenOnWhite, pickThumbnail, spread, type Size } from './fit.ts'
import { readKeyFrames, type KeyFrame, type KeyFrames } from './keyframes.ts'
import { MAX_ANIMATION_FRAMES, MAX_DURATION_MICROS, MAX_KEY_FRAMES_IN_ONE_PASS, MAX_VIDEO_FRAMES } from './limits.ts'
import { checkPixels, encodeRaw } from './picture.ts'
import { plausibleMicros, type Container, type VideoStream } from './probe.ts'

interface RawFrame {
  ticks: number
  rgb: Uint8Array
}

/** @throws Refused `normalize.truncated`, `empty-video`, `too-long`, `too-many-pixels` */
export async function decodeVideo(input: Input, container: Container, video: VideoStream): Promise<Decoded> {
  checkPixels(video.coded)
  const { source, table } = await keyFramesOf(input, video)
  if (table.truncated) throw new Refused('normalize.truncated', 'the container ends before its content')
  const durationMicros = durationOf(container, table)
  if (durationMicros !== null && durationMicros > MAX_DURATION_MICROS) throw new Refused('normalize.too-long', `${Math.round(durationMicros / 3.6e9)} hours`)
  const size = fit(squarePixels(uprightSize(video), turned(video) ? 1 / video.pixelAspect : video.pixelAspect))
  const chosen = spread(table.keys.length, input.picture ? MAX_ANIMATION_FRAMES : MAX_VIDEO_FRAMES).map((index) => table.keys[index]!)
  const raw = await extract(source, video, table, chosen, size)
  if (raw.length === 0) throw new Refused('normalize.empty-video', `none of ${table.packets} packets gives a picture`)
  return {
    kind: 'video', ...uprightSize(video), durationMicros, orientation: ORIENTATION[video.rotation] ?? 1, codec: video.codec,
    frames: await encodeFrames(raw, video, table, size), frameCount: Math.max(table.keys.length, 1),
    thumbnail: pickShown(raw, video, table), flac: null, loudnessLufs: null,
  }
}

/** EXIF's number for a clockwise turn. */
const ORIENTATION: Record<number, number> = { 0: 1, 90: 6, 180: 3, 270: 8 }

/**
 * ffmpeg drops key frames that lie before an edit list's start, and places the others by whole frames. Such a file is
 * read with the edit list as a plain shift of time: every key frame then has its exact time, those before the start a
 * negative one.
 */
async function keyFramesOf(input: Input, video: VideoStream): Promise<{ source: Input; table: KeyFrames }> {
  const table = await readKeyFrames(input, video)
  if (!table.preroll) return { source: input, table }
  const source = { ...input, options: ['-advanced_editlist', '0'] }
  return { source, table: await readKeyFrames(source, video) }
}

function durationOf(container: Container, table: KeyFrames): number | null {
  return plausibleMicros(container.durationSeconds, table.spanMicros) ?? (table.spanMicros > 0 ? table.spanMicros : null)
}

const turned = (video: VideoStream): boolean => video.rotation % 180 !== 0

function uprightSize(video: VideoStream): Size {
  const { width, height } = video.coded
  return turned(video) ? { width: height, height: width } : { width, height }
}

/** Pixels that are not square are made so by shrinking one side, never by enlarging the other. */
function squarePixels({ width, height }: Size, aspect: number): Size {
  return aspect >= 1 ? { width, height: height / aspect } : { width: width * aspect, height }
}

/**
 * The chosen frames that can be decoded, in order of time. A few key frames are decoded in one pass; of many, each
 * chosen one is sought. When none gives a picture, the first one that the decoder finds anywhere is taken.
 */
async function extract(input: Input, video: VideoStream, table: KeyFrames, chosen: KeyFrame[], size: Size): Promise<RawFrame[]> {
  if (table.keys.length > MAX_KEY_FRAMES_IN_ONE_PASS && !input.picture) return extractBySeeking(input, video, table, chosen, size)
  const frames = chosen.length > 0 ? await runExtraction(input, video, { table, chosen, size }) : []
  return frames.length > 0 ? frames : runExtraction(input, video, { table, chosen: [], size })
}

async function extractBySeeking(input: Input, video: VideoStream, table: KeyFrames, chosen: KeyFrame[], size: Size): Promise<RawFrame[]> {
  const frames: RawFrame[] = []
  const [above, below] = video.timeBase
  for (const key of chosen) {
    const seconds = ((key.ticks * above) / below).toFixed(6)
    const options = [...(input.options ?? []), '-seek_timestamp', '1', '-noaccurate_seek', '-ss', seconds]
    frames.push(...await runExtraction({ ...input, options }, video, { table, chosen: [key], size }))
  }
  return frames
}

interface Extraction {
  table: KeyFrames
  /** Empty: whatever picture comes first. */
  chosen: KeyFrame[]
  size: Size
}

async function runExtraction(input: Input, video: VideoStream, { table, chosen, size }: Extraction): Promise<RawFrame[]> {
  const count = Math.max(chosen.length, 1)
  const frameBytes = size.width * size.height * (input.picture ? 4 : 3)
  // Where every frame is marked as a key frame (intra-only, or no table of them), the mark may be untrue: all are decoded.
  const keysOnly = chosen.length > 0 && table.keys.length < table.packets
  const opaque = input.picture ? flattenOnWhite : (rgb: Uint8Array) => rgb
  const options = [...(keysOnly ? ['-skip_frame', 'nokey'] : []), '-copyts', ...(input.options ?? [])]
  const output = ['-map', `0:${video.index}`, '-fps_mode', 'passthrough', '-frames:v', String(count), '-vf', filters(video, chosen, size), '-pix_fmt', input.picture ? 'rgba' : 'rgb24', '-f', 'rawvideo']
  try {
    const { stdout, stderr } = await runFfmpeg({ ...input, options }, output, { limitBytes: count * frameBytes })
    return shownTicks(stderr).slice(0, Math.floor(stdout.length / frameBytes))
      .map((ticks, index) => ({ ticks, rgb: opaque(stdout.subarray(index * frameBytes, (index + 1) * frameBytes)) }))
  } catch (error) {
    if (!(error instanceof FfmpegFailed)) throw error
    // zscale is missing from some builds of ffmpeg: better a pale picture than none.
    const lacksFilter = isHdr(video) && error.stderr.some((line) => line.includes('No such filter'))
    return lacksFilter ? runExtraction(input, { ...video, colorTransfer: 'unknown' }, { table, chosen, size }) : []
  }
}

/** Time stamps by the filter that prints one line for each frame it passes on. */
export function shownTicks(stderr: string[]): number[] {
  return stderr.flatMap((line) => {
    const match = /showinfo.*\bn: *\d+ pts: *(-?\d+) /.exec(line)
    return match ? [Number(match[1])] : []
  })
}

function filters(video: VideoStream, chosen: KeyFrame[], size: Size): string {
  const select = chosen.length > 0 ? [`select=${chosen.map((key) => `eq(pts\\,${key.ticks})`).join('+')}`] : []
  const turn = video.rotationByName ? TURN[video.rotation] ?? [] : []
  const scale = `scale=${size.width}:${size.height}:flags=bicubic+accurate_rnd+full_chroma_int:in_color_matrix=${matrixOf(video)}`
  return [...select, 'showinfo=checksum=0', ...turn, ...toneMap(video, size), scale].join(',')
}

const TURN: Record<number, string[]> = { 90: ['transpose=clock'], 180: ['hflip', 'vflip'], 270: ['transpose=cclock'] }

/** A video that does not name its matrix is taken as players do: BT.709 from HD upwards, else BT.601. */
function matrixOf({ colorSpace, coded }: VideoStream): string {
  if (colorSpace !== 'unknown' && colorSpace !== 'reserved') return 'auto'
  return coded.width >= 1280 || coded.height > 576 ? 'bt709' : 'bt601'
}

/** PQ or HLG (ITU-R BT.2100). */
const isHdr = ({ colorTransfer }: VideoStream): boolean => colorTransfer === 'smpte2084' || colorTransfer === 'arib-std-b67'

/** HDR to the SDR that sRGB is, on the small picture: float pixels are costly. */
function toneMap(video: VideoStream, { width, height }: Size): string[] {
  if (!isHdr(video)) return []
  return [
    `scale=${width}:${height}:flags=bicubic`, 'format=yuv444p10le', 'zscale=transfer=linear:npl=100', 'format=gbrpf32le', 'zscale=primaries=bt709',
    'tonemap=tonemap=hable:desat=0', 'zscale=transfer=bt709:matrix=bt709:range=tv', 'format=yuv444p',
  ]
}

async function encodeFrames(raw: RawFrame[], video: VideoStream, table: KeyFrames, size: Size): Promise<DecodedFrame[]> {
  const frames: DecodedFrame[] = []
  for (const { ticks, rgb } of raw) {
    frames.push({ ptsMicros: microsOf(ticks, video, table), ...size, jpeg: await encodeRaw(rgb, size) })
  }
  return frames
}

function microsOf(ticks: number, { timeBase: [above, below] }: VideoStream, table: KeyFrames): number {
  return Math.round((ticks * above * 1_000_000) / below) - table.zeroMicros
}

/** Frames before the edit list's start are never shown by players, so not by us either if there are others. */
function pickShown(raw: RawFrame[], video: VideoStream, table: KeyFrames): number {
  const firstShown = Math.max(0, raw.findIndex(({ ticks }) => microsOf(ticks, video, table) >= 0))
  return firstShown + pickThumbnail(raw.slice(firstShown).map(({ rgb }) => contrastOf(rgb)))
}
