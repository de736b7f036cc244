/** Six short videos, each with something that makes videos hard: variable frame rate, black leaders, trims, display matrices. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Family } from './families/index.ts'
import { ffmpeg, REPEATABLE } from './ffmpeg.ts'
import { FILM, filmFrames, type Scene, scenesOf } from './films.ts'
import type { DemoItem, Expectation, Workshop } from './item.ts'
import { withQuarterTurn } from './mp4-turn.ts'

const ORIGINAL: Expectation = { outcome: 'stored', relation: 'original' }
const LEADER: Scene = { family: 'black', seed: 'leader', frames: Math.round(1.5 * FILM.framesPerSecond) }
/** The trimmed copy begins at the key frame of second 2. */
const TRIM_AT_SECONDS = 2
/** A phone that slows down in dim light and recovers: 30, then 12, then 24 frames a second. In milliseconds, as ffmpeg's setpts reads it. */
const UNEVEN_TIMES = 'if(lt(N,60),N*33,if(lt(N,100),1980+(N-60)*83,5300+(N-100)*42))'

interface Made {
  name: string
  family: Family
  note: string
  expect: Expectation
}

export interface VideoEncoders {
  /** For MP4. */
  mp4: string
  /** For WebM; undefined where there is none. */
  webm: string | undefined
}

export function chooseVideoEncoders(available: ReadonlySet<string>): VideoEncoders {
  return {
    mp4: available.has('libx264') ? 'libx264' : 'mpeg4',
    webm: ['libvpx-vp9', 'libvpx'].find((name) => available.has(name)),
  }
}

/** The jobs in order; each resolves to the items it made. */
export function videoJobs(workshop: Workshop, encoders: VideoEncoders): (() => Promise<DemoItem[]>)[] {
  const scenes = (family: Family, seconds: number): Scene[] => scenesOf(family, `${workshop.seed} film`, seconds)
  return [
    () => makeSteadyAndTrimmed(workshop, encoders, scenes('landscape', 7)),
    () => makeUneven(workshop, encoders, scenes('city', 6)),
    () => makeLed(workshop, encoders, { name: 'video-03-black-leader.mp4', family: 'flower', note: '1.5 s of black, then blossoms', expect: ORIGINAL }, scenes('flower', 4.5)),
    () => makeLed(workshop, encoders, { name: 'video-04-same-leader.mp4', family: 'reef', note: 'the same black leader, other scenes', expect: ORIGINAL }, scenes('reef', 4.5)),
    () => makeTurned(workshop, encoders, scenes('stone', 5)),
  ]
}

async function makeSteadyAndTrimmed(workshop: Workshop, encoders: VideoEncoders, scenes: Scene[]): Promise<DemoItem[]> {
  const first = { name: 'video-01-steady.mp4', family: 'landscape', note: '25 frames a second', expect: ORIGINAL } as const
  const item = await encodeTo(workshop, first, encoders.mp4, filmFrames(workshop.paint, scenes))
  const trimmed: Made = {
    name: 'video-06-trimmed.mp4', family: 'landscape', note: `video-01 without its first ${TRIM_AT_SECONDS} s`,
    expect: { outcome: 'stored', relation: 'copy', of: first.name },
  }
  const bytes = await ffmpegOutput(workshop, trimmed.name, ['-ss', String(TRIM_AT_SECONDS), '-i', item.path!, '-c', 'copy', '-avoid_negative_ts', 'make_zero'])
  return [item, await toItem(workshop, trimmed, bytes)]
}

async function makeUneven(workshop: Workshop, encoders: VideoEncoders, scenes: Scene[]): Promise<DemoItem[]> {
  const uneven: Made = {
    name: `video-02-variable-rate.${encoders.webm ? 'webm' : 'mp4'}`, family: 'city', note: '30, then 12, then 24 frames a second', expect: ORIGINAL,
  }
  const timing = ['-vf', `settb=1/1000,setpts='${UNEVEN_TIMES}'`, '-enc_time_base', '1/1000']
  return [await encodeTo(workshop, uneven, encoders.webm ?? encoders.mp4, filmFrames(workshop.paint, scenes), timing)]
}

async function makeLed(workshop: Workshop, encoders: VideoEncoders, made: Made, scenes: Scene[]): Promise<DemoItem[]> {
  return [await encodeTo(workshop, made, encoders.mp4, filmFrames(workshop.paint, [LEADER, ...scenes]))]
}

/** The frames are painted upright and stored a quarter turn to the left, so that the display matrix sets them right. */
async function makeTurned(workshop: Workshop, encoders: VideoEncoders, scenes: Scene[]): Promise<DemoItem[]> {
  const turned: Made = { name: 'video-05-turned.mp4', family: 'stone', note: 'upright by its display matrix (90°)', expect: ORIGINAL }
  const upright = filmFrames(workshop.paint, scenes, { width: FILM.height, height: FILM.width })
  const bytes = await encodeFilm(workshop, turned.name, encoders.mp4, quarterTurnLeft(upright))
  return [await toItem(workshop, turned, withQuarterTurn(bytes, FILM.height))]
}

async function* quarterTurnLeft(frames: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { width, height } = FILM
  for await (const upright of frames) {
    const stored = new Uint8Array(upright.length)
    for (let y = 0, to = 0; y < height; y++) {
      for (let x = 0; x < width; x++, to += 3) {
        const from = (x * height + (height - 1 - y)) * 3
        stored[to] = upright[from]!
        stored[to + 1] = upright[from + 1]!
        stored[to + 2] = upright[from + 2]!
      }
    }
    yield stored
  }
}

async function encodeTo(workshop: Workshop, made: Made, encoder: string, frames: AsyncIterable<Uint8Array>, options: string[] = []): Promise<DemoItem> {
  return toItem(workshop, made, await encodeFilm(workshop, made.name, encoder, frames, options))
}

/** A video of raw frames, with a key frame at least every second. */
export async function encodeFilm(
  workshop: Pick<Workshop, 'dir' | 'signal'>, name: string, encoder: string, frames: AsyncIterable<Uint8Array>, options: readonly string[] = [],
): Promise<Buffer> {
  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${FILM.width}x${FILM.height}`, '-r', String(FILM.framesPerSecond), '-i', 'pipe:0']
  const keyFrames = ['-force_key_frames', 'expr:gte(t,n_forced)']
  return ffmpegOutput(workshop, name, [...input, ...options, '-c:v', encoder, ...qualityOf(encoder), '-pix_fmt', 'yuv420p', ...keyFrames], frames)
}

function qualityOf(encoder: string): string[] {
  switch (encoder) {
    case 'libx264': return ['-preset', 'veryfast', '-crf', '24']
    case 'libvpx-vp9': return ['-deadline', 'realtime', '-cpu-used', '8', '-crf', '34', '-b:v', '0']
    case 'libvpx': return ['-deadline', 'realtime', '-cpu-used', '8', '-crf', '12', '-b:v', '1M']
    default: return ['-q:v', '5']
  }
}

/** MP4 needs a seekable output, so ffmpeg writes a file of its own; what it wrote is read back and the file removed. */
async function ffmpegOutput(workshop: Pick<Workshop, 'dir' | 'signal'>, name: string, args: readonly string[], input?: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const path = join(workshop.dir, `.making-${name}`)
  try {
    await ffmpeg([...args, ...REPEATABLE, path], workshop.signal, input)
    return await readFile(path)
  } finally {
    await rm(path, { force: true })
  }
}

async function toItem(workshop: Workshop, { name, family, note, expect }: Made, bytes: Buffer): Promise<DemoItem> {
  return { ...(await workshop.save(name, bytes)), kind: 'video', family, note, expect, tags: [{ name: `video of ${family}`, confidence: 0.9 }] }
}
