/** One file to normal form: decides what it is by its content, decodes it once. Runs in a decoder process only. */
import { Refused, type Decoded, type Job } from './decoded.ts'
import { saysEncrypted } from './encryption.ts'
import { FfmpegFailed, runFfprobe, type Input } from './ffmpeg.ts'
import { saysTruncated } from './keyframes.ts'
import { decodePicture } from './picture.ts'
import { readContainer, type Container } from './probe.ts'
import { readHead, sniff } from './sniff.ts'
import { decodeSound } from './sound.ts'
import { decodeVideo } from './video.ts'

/** @param scratchDir for temporary files
 *  @throws Refused with the reason why this file never will have a normal form */
export async function decode({ path, typeHint }: Job, scratchDir: string): Promise<Decoded> {
  const format = sniff(await readHead(path), typeHint)
  if (format === undefined) throw new Refused('normalize.unsupported-format', `neither picture, video nor sound that is known here (said to be ${typeHint.slice(0, 100)})`)
  if (format.family === 'picture') return decodePicture(path, format.name)
  const input = { path, demuxer: format.demuxer, picture: format.picture ?? false }
  return input.picture ? decodeStreamedPicture(input, scratchDir) : decodeStreams(input, scratchDir)
}

/** An animated PNG whose animation is damaged still has the picture that viewers without animation show. */
async function decodeStreamedPicture(input: Input, scratchDir: string): Promise<Decoded> {
  try {
    const decoded = await decodeStreams(input, scratchDir)
    return decoded.frameCount === 1 ? { ...decoded, kind: 'image', durationMicros: null } : decoded
  } catch (error) {
    if (error instanceof Refused && input.demuxer === 'apng') return decodePicture(input.path, 'png')
    if (error instanceof Refused && error.code === 'normalize.empty-video') throw new Refused('normalize.corrupt', error.message, { cause: error })
    throw error
  }
}

async function decodeStreams(input: Input, scratchDir: string): Promise<Decoded> {
  if (await saysEncrypted(input.path, input.demuxer)) throw new Refused('normalize.encrypted', 'the container announces encrypted media')
  const container = await probe(input)
  if (container.video) return decodeVideo(input, container, container.video)
  if (container.sound) return decodeSound(input, container, container.sound, scratchDir)
  if (container.mediaStreams > 0) throw new Refused('normalize.unsupported-format', `no decoder for what this ${input.demuxer} file holds`)
  throw new Refused('normalize.no-media-stream', `a ${input.demuxer} file without picture or sound`)
}

async function probe(input: Input): Promise<Container> {
  try {
    return readContainer(await runFfprobe(input))
  } catch (error) {
    if (!(error instanceof FfmpegFailed)) throw error
    const reason = error.stderr.findLast((line) => line.trim() !== '') ?? error.message
    throw new Refused(saysTruncated(error.stderr.join('\n')) ? 'normalize.truncated' : 'normalize.corrupt', reason.slice(0, 300), { cause: error })
  }
}
