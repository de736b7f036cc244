/** From what a producer has, bytes or a path, to a URI that the pipeline can fetch. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BlobStore } from '#runtime/blobs/store.ts'
import { reasonOf } from '#runtime/errors.ts'
import { InvalidSubmissionError, sha256Of, type Located, type Submission } from './submission.ts'

/** A submission of `bytes` or `path` with its URI; bytes are in the blob store, durably, when this resolves. */
export async function locate(submission: Submission, openStore: () => Promise<BlobStore>): Promise<Located> {
  const { bytes, path, byPath } = submission
  if (bytes !== undefined) return asBlob(submission, await (await openStore()).put(bytes))
  await checkFile(path!)
  if (byPath) return { ...submission, uri: pathToFileURL(resolve(path!)).href }
  return asBlob(submission, await storeFile(await openStore(), path!))
}

/** Pipes and devices never end, so only regular files are read. */
async function checkFile(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    throw new InvalidSubmissionError('path', `cannot be read: ${reasonOf(error)}`)
  })
  if (!found.isFile()) throw new InvalidSubmissionError('path', `${path} is not a regular file`)
  if (found.size === 0) throw new InvalidSubmissionError('path', `${path} is empty`)
}

async function storeFile(store: BlobStore, path: string): Promise<Buffer> {
  const writer = await store.create()
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) await writer.write(chunk as Buffer)
    return (await writer.commit()).sha256
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** Told here rather than by the pipeline: the producer still has the file that changed under its hands. */
function asBlob(submission: Submission, found: Buffer): Located {
  if (submission.sha256 !== undefined && !sha256Of(submission.sha256).equals(found)) {
    throw new InvalidSubmissionError('sha256', `does not fit: the bytes have ${found.toString('hex')}`)
  }
  return { ...submission, uri: `blob:${found.toString('hex')}` }
}
