/**
 * The program of a decoder process: takes a job, answers, takes the next. It meets hostile bytes, so it is given no
 * secrets, little memory and little time; whoever watches it kills its process group, ffmpeg included.
 */
import { rmSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { decode } from './decode.ts'
import { Refused, type Job, type Ready, type Reply } from './decoded.ts'
import { confineLibvips } from './picture.ts'

const scratchDir = process.argv[2]!

setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
confineLibvips()

process.on('message', (job: Job) => {
  void answer(job).then((reply) => process.send!(reply))
})

process.send!({ ready: true } satisfies Ready)

// The parent is gone, be it by SIGKILL: so nobody needs us or the ffmpeg that we started.
process.on('disconnect', () => {
  rmSync(scratchDir, { recursive: true, force: true })
  process.kill(-process.pid, 'SIGKILL')
})

async function answer(job: Job): Promise<Reply> {
  try {
    return { id: job.id, decoded: await decode(job, scratchDir) }
  } catch (error) {
    if (error instanceof Refused) return { id: job.id, refused: { code: error.code, reason: error.message.slice(0, 500) } }
    return { id: job.id, failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
