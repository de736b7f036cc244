/** Runs the system's ffmpeg, and knows which of its encoders are there. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { Halt } from '#runtime/errors.ts'

/** Every call takes a second or two; one that takes this long hangs. */
const DEADLINE_MS = 60_000
/** The same bytes every time: no version strings, dates or random serial numbers, and no race between encoder threads. */
export const REPEATABLE = ['-map_metadata', '-1', '-fflags', '+bitexact', '-flags:v', '+bitexact', '-flags:a', '+bitexact', '-threads', '1'] as const

/** Names of the encoders that this ffmpeg has. @throws Halt `demo.no-ffmpeg` */
export async function ffmpegEncoders(signal: AbortSignal): Promise<Set<string>> {
  try {
    const { stdout } = await promisify(execFile)('ffmpeg', ['-hide_banner', '-encoders'], { signal, timeout: DEADLINE_MS })
    return new Set([...stdout.matchAll(/^ [VAS][A-Z.]{5} (\S+)/gm)].map((match) => match[1]!))
  } catch (error) {
    signal.throwIfAborted()
    throw new Halt('demo.no-ffmpeg', 'ffmpeg cannot be started', 'Install ffmpeg (5 or newer) and put it on the PATH.', { cause: error })
  }
}

/**
 * Runs ffmpeg once, feeding it `input` where given.
 * @throws Error with ffmpeg's own last words when it fails, or the signal's reason
 */
export async function ffmpeg(args: readonly string[], signal: AbortSignal, input?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)])
  const child = spawn('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', '-nostdin', ...args], { stdio: ['pipe', 'ignore', 'pipe'], signal: bounded })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => { complaint = (complaint + chunk.toString()).slice(-2000) })
  const ended = once(child, 'close') as Promise<[number | null]>
  // When ffmpeg stops reading, its exit code and words say why; the broken pipe says nothing more.
  const fed = pipeline(Readable.from(input ?? []), child.stdin).catch(() => undefined)
  const [code] = await ended
  await fed
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}: ${complaint.trim()}`)
}
