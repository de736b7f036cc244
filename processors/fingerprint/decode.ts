/** Decodes a frame of the normal form. The bytes are our own, so this happens in process. */
import sharp from 'sharp'
import { Reject, RetryLater } from '#runtime/api.ts'
import type { Pixels } from './pixels.ts'

/** Far above any normal form; a larger one was not made by normalize. */
const MAX_PIXELS = 1 << 24
const DEADLINE_SECONDS = 20

/**
 * Profiles and orientation are ignored: the normal form is upright sRGB already, and applying them twice would
 * change hashes.
 * @throws Reject `fingerprint.undecodable-frame`
 * @throws RetryLater `fingerprint.frame-timeout`
 */
export async function decodeFrame(jpeg: Buffer): Promise<Pixels> {
  try {
    const { data, info } = await sharp(jpeg, { ignoreIcc: true, limitInputPixels: MAX_PIXELS, failOn: 'error' })
      .timeout({ seconds: DEADLINE_SECONDS })
      .toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true })
    if (info.channels !== 3) throw new Error(`${info.channels} channels instead of 3`)
    return { width: info.width, height: info.height, rgb: data }
  } catch (cause) {
    if (/^timeout/.test((cause as Error).message)) throw new RetryLater('fingerprint.frame-timeout', `a frame was not decoded within ${DEADLINE_SECONDS} s`, { cause })
    throw new Reject('fingerprint.undecodable-frame', 'a frame of the normal form cannot be decoded', { cause })
  }
}
