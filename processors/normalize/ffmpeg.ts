/** ffmpeg and ffprobe under restraint. Runs in a decoder process only, whose end is also theirs: they share its process group. */
import ffmpeg from 'fluent-ffmpeg'
import { PassThrough } from 'node:stream'
import { Refused } from './decoded.ts'
import { FFMPEG_MAX_ALLOC_BYTES } from './limits.ts'

export interface Input {
  path: string
  /** ffmpeg's name of the demuxer, by our own sniffing. */
  demuxer: string
  /** A picture or animation: every frame is wanted, and it may be transparent. */
  picture?: boolean
  /** Further input options. */
  options?: string[]
}

/** stderr that is kept: ffmpeg says what went wrong in its last lines, a hostile file can make it say it for ever. */
const MAX_STDERR_LINES = 4000
const MAX_LINE_CHARACTERS = 500

/**
 * Input options that let a file open nothing but itself: the demuxer is forced and the only one, `file` is the only
 * protocol. The path is given as a URL so that no part of a name is an option or a protocol.
 */
export function confined({ demuxer, options = [] }: Input): string[] {
  return [
    '-protocol_whitelist', 'file', '-format_whitelist', demuxer, '-max_alloc', String(FFMPEG_MAX_ALLOC_BYTES),
    '-probesize', '5M', '-analyzeduration', '5M', ...options, '-f', demuxer,
  ]
}

export const urlOf = (input: Input): string => `file:${input.path}`

export interface Finished {
  stdout: Buffer
  stderr: string[]
}

/** ffmpeg ended with an error; `stderr` tells which. */
export class FfmpegFailed extends Error {
  override readonly name = 'FfmpegFailed'
  readonly stderr: string[]

  constructor(message: string, stderr: string[]) {
    super(message)
    this.stderr = stderr
  }
}

/**
 * One run of ffmpeg. What it writes goes to `outputPath`, or to `stdout` up to `limitBytes`.
 * @throws FfmpegFailed, Refused `normalize.ffmpeg-missing`, `normalize.decoder-memory`
 */
export function runFfmpeg(input: Input, outputOptions: string[], output: { path: string } | { limitBytes: number }): Promise<Finished> {
  const { promise, resolve, reject } = Promise.withResolvers<Finished>()
  const stderr: string[] = []
  const chunks: Buffer[] = []
  const command = ffmpeg(urlOf(input), { stdoutLines: 50 })
    .inputOptions(['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'info', '-threads', '1', ...confined(input)])
    .outputOptions(['-map_metadata', '-1', '-map_chapters', '-1', '-threads', '1', '-filter_threads', '1', ...outputOptions])
    .on('stderr', (line: string) => {
      if (stderr.length === MAX_STDERR_LINES) stderr.splice(0, MAX_STDERR_LINES / 2)
      stderr.push(line.slice(0, MAX_LINE_CHARACTERS))
    })
    .on('error', (error: Error) => reject(failureOf(error, stderr)))
  skipCapabilityQueries(command)
  if ('path' in output) {
    command.on('end', () => resolve({ stdout: Buffer.alloc(0), stderr })).save(output.path)
    return promise
  }
  // fluent-ffmpeg takes a 'close' of the stream for an abort by us when ffmpeg's exit is reported more than 20 ms
  // later, as under load: so this one never emits it.
  const sink = new PassThrough({ emitClose: false })
  let bytes = 0
  sink.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= output.limitBytes) return void chunks.push(chunk)
    reject(new Refused('normalize.decoder-memory', `ffmpeg wrote more than ${output.limitBytes} bytes`))
    command.kill('SIGKILL')
  })
  const drained = new Promise((done) => sink.once('end', done))
  command.on('end', () => void drained.then(() => resolve({ stdout: Buffer.concat(chunks), stderr })))
  command.pipe(sink)
  return promise
}

/** Before its first run fluent-ffmpeg starts ffmpeg twice more to list formats and encoders; ours are fixed. */
function skipCapabilityQueries(command: ffmpeg.FfmpegCommand): void {
  Object.assign(command, {
    _checkCapabilities: (done: (error?: Error) => void) => done(),
    availableEncoders: (done: (error: Error | null, encoders: object) => void) => done(null, {}),
  })
}

/** Streams and container of a file. @throws FfmpegFailed, Refused `normalize.ffmpeg-missing` */
export function runFfprobe(input: Input): Promise<ffmpeg.FfprobeData> {
  const { promise, resolve, reject } = Promise.withResolvers<ffmpeg.FfprobeData>()
  const command = ffmpeg(urlOf(input)) as ffmpeg.FfmpegCommand & { ffprobe(options: string[], done: (error: Error | null, data: ffmpeg.FfprobeData) => void): void }
  command.ffprobe(['-v', 'error', ...confined(input)], (error, data) => (error ? reject(failureOf(error, error.message.split('\n').slice(1))) : resolve(data)))
  return promise
}

function failureOf(error: Error, stderr: string[]): Error {
  if (/cannot find ff|ENOENT/i.test(error.message)) return new Refused('normalize.ffmpeg-missing', error.message)
  if (/killed with signal/.test(error.message)) return new Refused('normalize.decoder-crash', error.message, { cause: error })
  return new FfmpegFailed(error.message.split('\n')[0]!, stderr)
}
