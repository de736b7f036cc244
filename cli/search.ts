/** Searches the stored rows. A file is brought to normal form and embedded as the pipeline does it. */
import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { openCatalogue } from '#client/catalogue.ts'
import { systemClock } from '#runtime/clock.ts'
import type { Config } from '#runtime/config.ts'
import { ServicePool } from '#runtime/run-stage.ts'
import { encoder } from '#processors/embed/encoder.ts'
import { numbersOf, pooled } from '#processors/embed/half.ts'
import { decoder } from '#processors/normalize/decoder.ts'
import { normaliseTags } from '#processors/tag/normalise.ts'
import { openLog } from './command.ts'
import { UsageError } from './failure.ts'

export interface Hit {
  id: string
  /** Cosine similarity, or the tag's confidence. */
  score: number
  uri: string | null
  sourceId: string | null
}

const DECODE_DEADLINE_MS = 120_000

/** The k nearest to a stored asset or to a file. */
export async function searchLike(like: string, k: number, config: Config): Promise<Hit[]> {
  const catalogue = openCatalogue(config.databaseUrl)
  try {
    const target = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(like) ? { id: like } : await vectorOf(like, config)
    return (await catalogue.similar({ ...target, k })).map(({ similarity, ...same }) => ({ ...same, score: similarity }))
  } finally {
    await catalogue.close()
  }
}

async function vectorOf(file: string, config: Config): Promise<{ vector: number[]; model: string }> {
  const path = await realpath(file).catch((error: Error) => { throw new UsageError(`${file} cannot be read: ${error.message}`) })
  const services = new ServicePool({ config, clock: systemClock, log: await openLog(config) })
  try {
    const opened = await services.openAll({ decoder, encoder })
    const { frames } = await opened.decoder.decode(path, '', AbortSignal.timeout(DECODE_DEADLINE_MS))
    if (frames.length === 0) throw new UsageError(`${file} has no pictures to compare: sounds have no vector.`)
    const vectors = await Promise.all(frames.map(({ jpeg }) => opened.encoder.vectorOf(sha256(jpeg), async () => Buffer.from(jpeg))))
    const vector = vectors.length === 1 ? vectors[0] : pooled(vectors)
    if (vector === undefined) throw new UsageError(`The frames of ${file} cancel out.`)
    return { vector: [...numbersOf(vector)], model: opened.encoder.card.id }
  } finally {
    await services.closeAll()
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** Assets with a tag, the surest first. The tag is brought to the form that the pipeline gave it. */
export async function searchTag(tag: string, k: number, { databaseUrl }: Config): Promise<Hit[]> {
  const [normal] = normaliseTags([{ name: tag, confidence: 1, origin: 'claimed' }]).tags
  if (normal === undefined) throw new UsageError(`${JSON.stringify(tag)} can be no tag.`)
  const catalogue = openCatalogue(databaseUrl)
  try {
    return (await catalogue.byTag(normal.name, { limit: k })).map(({ confidence, ...same }) => ({ ...same, score: confidence }))
  } finally {
    await catalogue.close()
  }
}
