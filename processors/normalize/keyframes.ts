/**
 * The key frames of a video by its container's own time stamps: nothing is decoded and no frame rate assumed, so
 * variable frame rates and edit lists come out as they are.
 *
 * Zero is the container's own, except in MPEG transport and program streams, whose clock starts anywhere: there it is
 * the first decoding time of any of its streams, as in ExoPlayer's TsExtractor and PsExtractor.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { Refused } from './decoded.ts'
import { confined, urlOf, type Input } from './ffmpeg.ts'
import { MAX_PACKETS } from './limits.ts'
import type { VideoStream } from './probe.ts'

export interface KeyFrame {
  /** In the stream's time base, as the demuxer gives it. */
  ticks: number
  /** From the zero point. */
  ptsMicros: number
}

export interface KeyFrames {
  /** In order of time; all frames of an animation. */
  keys: KeyFrame[]
  /** Packets of the video. */
  packets: number
  /** From the first frame's time to the last frame's end; 0 without packets. */
  spanMicros: number
  zeroMicros: number
  /** A key frame lies before the edit list's start: decoded but never shown by players. */
  preroll: boolean
  /** The file ends before its content. */
  truncated: boolean
}

export interface Packet {
  stream: number
  /** Sound or picture; others (subtitles, splice marks) keep clocks of their own. */
  media: boolean
  pts: number | undefined
  dts: number | undefined
  duration: number
  key: boolean
  discard: boolean
}

/** One line of `ffprobe -of csv=p=0` with the entries asked for below. */
export function parsePacket(line: string): Packet | undefined {
  const [type, stream, pts, dts, duration, flags] = line.split(',')
  if (flags === undefined) return undefined
  const time = (text: string | undefined): number | undefined => (text === undefined || text === '' || text === 'N/A' ? undefined : Number(text))
  return {
    stream: Number(stream), media: type === 'video' || type === 'audio', pts: time(pts), dts: time(dts), duration: time(duration) ?? 0,
    key: flags.startsWith('K'), discard: flags[1] === 'D',
  }
}

const CLOCK_STARTS_ANYWHERE = new Set(['mpegts', 'mpeg'])
/** Time base of both MPEG systems, ticks a second. */
const MPEG_CLOCK_HZ = 90_000

/** Gathers packets one by one; memory grows with key frames only. */
export class KeyFrameTable {
  readonly #video: VideoStream
  readonly #input: Input
  readonly #keys: number[] = []
  readonly #startTicks = new Map<number, number>()
  #allPackets = 0
  #packets = 0
  #first = Infinity
  #end = -Infinity
  #preroll = false

  constructor(video: VideoStream, input: Input) {
    this.#video = video
    this.#input = input
  }

  /** @throws Refused `normalize.too-long` */
  add(packet: Packet): void {
    if (++this.#allPackets > MAX_PACKETS) throw new Refused('normalize.too-long', `more than ${MAX_PACKETS} packets`)
    if (packet.media && packet.dts !== undefined && !this.#startTicks.has(packet.stream)) this.#startTicks.set(packet.stream, packet.dts)
    if (packet.stream !== this.#video.index) return
    this.#packets++
    const time = packet.pts ?? packet.dts
    if (time === undefined) return
    this.#first = Math.min(this.#first, time)
    this.#end = Math.max(this.#end, time + packet.duration)
    if (!packet.key && !this.#input.picture) return
    this.#keys.push(time)
    this.#preroll ||= packet.discard
  }

  finish(truncated: boolean): KeyFrames {
    const zeroMicros = this.#zeroMicros()
    const keys = this.#keys.toSorted((a, b) => a - b).map((ticks) => ({ ticks, ptsMicros: this.#micros(ticks) - zeroMicros }))
    const spanMicros = this.#end > this.#first ? this.#micros(this.#end) - this.#micros(this.#first) : 0
    return { keys, packets: this.#packets, spanMicros, zeroMicros, preroll: this.#preroll, truncated }
  }

  #zeroMicros(): number {
    if (!CLOCK_STARTS_ANYWHERE.has(this.#input.demuxer) || this.#startTicks.size === 0) return 0
    return Math.round((Math.min(...this.#startTicks.values()) / MPEG_CLOCK_HZ) * 1e6)
  }

  #micros(ticks: number): number {
    const [above, below] = this.#video.timeBase
    return Math.round((ticks * above * 1_000_000) / below)
  }
}

/**
 * Reads all packets of a video. Own spawn, since fluent-ffmpeg's ffprobe reads everything into one text and drops the
 * packets of it.
 * @throws Refused `normalize.too-long`, `normalize.decoder-crash`
 */
export async function readKeyFrames(input: Input, video: VideoStream): Promise<KeyFrames> {
  const allStreams = CLOCK_STARTS_ANYWHERE.has(input.demuxer)
  const child = spawn('ffprobe', [
    '-v', 'error', ...confined(input), ...(allStreams ? [] : ['-select_streams', String(video.index)]),
    '-show_entries', 'packet=codec_type,stream_index,pts,dts,duration,flags', '-of', 'csv=p=0', urlOf(input),
  ], { stdio: ['ignore', 'pipe', 'pipe'] })
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { complaints = (complaints + text).slice(-4000) })
  const exited = new Promise<NodeJS.Signals | null>((resolve, reject) => child.once('close', (_code, signal) => resolve(signal)).once('error', reject))
  exited.catch(() => undefined) // awaited below; the lines may fail first
  const table = new KeyFrameTable(video, input)
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const packet = parsePacket(line)
      if (packet !== undefined) table.add(packet)
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  const signal = await exited
  if (signal !== null) throw new Refused('normalize.decoder-crash', `ffprobe died of ${signal}`)
  return table.finish(saysTruncated(complaints))
}

/** What demuxers of ffmpeg say of a file that ends before its content does. */
export function saysTruncated(stderr: string): boolean {
  return /: partial file|: File ended prematurely|\] File ended prematurely/.test(stderr)
}
