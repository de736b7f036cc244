/** The decoder as a service: files in, normal form out, whatever the file does to the processes behind it. */
import { defineService } from '#runtime/api.ts'
import type { Decoded } from './decoded.ts'
import { DecoderPool } from './decoder-pool.ts'

export interface Decoder {
  /**
   * Decodes the file at `path` once. What it is, its content decides; `typeHint` is a MIME type for doubtful cases.
   * @throws Reject with a code of `codes.ts`; Halt `normalize.ffmpeg-missing`, `normalize.decoder-unusable`
   */
  decode(path: string, typeHint: string, signal: AbortSignal): Promise<Decoded>
  close(): void
}

export const decoder = defineService<Decoder>({
  name: 'decoder',
  open({ config, clock, log }) {
    const pool = new DecoderPool({ size: config.decoders, clock, log })
    pool.warm()
    return pool
  },
  close: (opened) => opened.close(),
})
