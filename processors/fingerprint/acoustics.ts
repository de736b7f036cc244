/** Acoustic fingerprints by Chromaprint (Lukáš Lalinský, acoustid.org), through ffmpeg's muxer of that name. */
import type { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import ffmpeg from 'fluent-ffmpeg'
import { defineService, Halt, Reject, RetryLater } from '#runtime/api.ts'

export interface Acoustics {
  /**
   * Fingerprint of the sound's first two minutes, as AcoustID takes it: unsigned 32-bit little-endian words, about
   * eight a second; null for one of less than about three seconds, which has no print. The same file gives the same bytes.
   * @throws Reject `fingerprint.undecodable-sound`
   * @throws RetryLater `fingerprint.sound-timeout`
   */
  print(path: string, signal: AbortSignal): Promise<Buffer | null>
}

/** Bounds the print to 4 KB, and so records and the memory of dedupe. */
const MAX_SECONDS = 120
const MAX_PRINT_BYTES = 64 << 10
/** Two minutes of sound take a tenth of a second. */
const DEADLINE_SECONDS = 30

export const acoustics = defineService<Acoustics>({
  name: 'acoustics',
  async open() {
    await requireChromaprint()
    return { print: printOf }
  },
})

/** @throws Halt `fingerprint.no-chromaprint` */
async function requireChromaprint(): Promise<void> {
  const remedy = 'Install ffmpeg built with --enable-chromaprint (Debian and Ubuntu: apt-get install ffmpeg), or point FFMPEG_PATH at one.'
  const formats = await new Promise<ffmpeg.Formats>((resolve, reject) => {
    ffmpeg.getAvailableFormats((error, found) => (error ? reject(error) : resolve(found)))
  }).catch((cause: unknown) => {
    throw new Halt('fingerprint.no-chromaprint', 'ffmpeg cannot be run', remedy, { cause })
  })
  if (!formats['chromaprint']?.canMux) throw new Halt('fingerprint.no-chromaprint', 'this ffmpeg lacks the chromaprint muxer', remedy)
}

async function printOf(path: string, signal: AbortSignal): Promise<Buffer | null> {
  signal.throwIfAborted()
  const command = ffmpeg(path, { timeout: DEADLINE_SECONDS })
    .noVideo().duration(MAX_SECONDS).format('chromaprint').outputOptions(['-fp_format', 'raw'])
  const kill = () => command.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  try {
    const print = await collect(command)
    return print.length > 0 ? print : null
  } catch (cause) {
    signal.throwIfAborted()
    if (/timeout/.test(String(cause))) throw new RetryLater('fingerprint.sound-timeout', `no print within ${DEADLINE_SECONDS} s`, { cause })
    throw new Reject('fingerprint.undecodable-sound', 'ffmpeg cannot read the normal-form sound', { cause })
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

/** The process may fail after its output has ended, so both are waited for. */
function collect(command: ffmpeg.FfmpegCommand): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  const exited = new Promise<void>((resolve, reject) => {
    command.once('end', () => resolve()).once('error', reject)
  })
  const output = command.pipe() as PassThrough
  output.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > MAX_PRINT_BYTES) command.kill('SIGKILL')
    else chunks.push(chunk)
  })
  return exited.then(() => finished(output)).then(() => Buffer.concat(chunks))
}
