import { blobs, defineProcessor } from '#runtime/api.ts'
import { assetDownloaded, assetSubmitted } from '#topics'
import { fetcher } from './fetcher.ts'
import { parseSource } from './source.ts'

/** The fetcher bounds each download by SLUICE_DOWNLOAD_DEADLINE_MS, at most a day; this one only has to be longer. */
const ABOVE_ANY_DOWNLOAD_MS = 25 * 3600 * 1000

/** Fetches what was submitted into the blob store, once, and says what it is by its content. */
export const download = defineProcessor({
  name: 'download',
  version: 1,
  reads: assetSubmitted,
  writes: [assetDownloaded],
  uses: { blobs, fetcher },
  // Waiting for strangers costs little, and a slow host must leave room for the others.
  concurrency: { inFlightPerPartition: 32, order: 'per-key' },
  // Up to ten minutes in all: a server's restart or a burst of load is outlived, a dead host is not waited for.
  retry: { attempts: 8, firstDelayMs: 5000, maxDelayMs: 300_000 },
  deadlineMs: ABOVE_ANY_DOWNLOAD_MS,

  async handle(asset, { blobs, fetcher, signal }) {
    const { uri, sha256: expected } = asset.submission
    const { sha256, bytes, sniffedType, declaredType, finalUri, validator } = await fetcher.fetch(parseSource(uri), expected, blobs, signal)
    const content = { sha256, bytes, sniffedType, declaredType, finalUri, validator }
    return [assetDownloaded({ ...asset, content })]
  },
})
