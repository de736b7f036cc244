/**
 * Vectors of pictures: an encoder's, of random cuts of photos. Prepared and run by the embed stage's own parts.
 *
 * Every tenth photo is held out: only queries are cut from it.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addModel } from '#models/add.ts'
import { unitHalf } from '#processors/embed/half.ts'
import { openInference, type Infer } from '#processors/embed/inference.ts'
import { pixelsOf } from '#processors/embed/pictures.ts'
import type { ModelCard } from '#models/card.ts'
import { Draw } from '../writes/assets/draw.ts'
import { cutOut, drawCut, readPhoto, type Photo } from './crops.ts'
import { DIMENSIONS, type VectorSet } from './vector-set.ts'

export interface PhotoSources { photos: string; model: string }

const BATCH = 16
const HELD_OUT_EVERY = 10
const THREADS = 2

/** Vectors by the photo that they were cut from, and queries. */
export interface PhotoVectors extends VectorSet {
  /** `photoOf[row]`, a small number. */
  photoOf: Uint16Array
}

/** @throws Error when the model is no encoder of 512 numbers */
export async function photoVectors(sources: PhotoSources, rows: number, queries: number, log: (line: string) => void): Promise<PhotoVectors> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-ann-'))
  try {
    const model = await addModel({ dir, file: sources.model })
    if (model.card.dimensions !== DIMENSIONS) throw new Error(`${sources.model} makes ${model.card.dimensions} numbers, not ${DIMENSIONS}`)
    const inference = await openInference(model.path, model.card, THREADS)
    try {
      return await cutAndEncode(await readPhotos(sources.photos), { card: model.card, infer: inference.infer }, rows, queries, log)
    } finally {
      await inference.close()
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function readPhotos(folder: string): Promise<Photo[]> {
  const files = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort()
  const photos: Photo[] = []
  for (const file of files) photos.push(await readPhoto(join(folder, file)))
  return photos
}

interface Encoding { card: ModelCard; infer: Infer }

async function cutAndEncode(photos: Photo[], encoding: Encoding, rows: number, queries: number, log: (line: string) => void): Promise<PhotoVectors> {
  const stored = photos.filter((_, n) => n % HELD_OUT_EVERY !== 0)
  const heldOut = photos.filter((_, n) => n % HELD_OUT_EVERY === 0)
  const half = Math.ceil(queries / 2)
  const vectors = await encodeCuts(stored, rows, 1, encoding, log)
  const ofStored = await encodeCuts(stored, half, 2, encoding)
  const ofUnseen = await encodeCuts(heldOut, queries - half, 3, encoding)
  return {
    name: `${rows.toLocaleString('en')} pictures`,
    vectors: Buffer.concat(vectors),
    photoOf: Uint16Array.from({ length: rows }, (_, row) => row % stored.length),
    queries: [...ofStored.map((vector) => ({ kind: 'photo stored in other cuts', vector })), ...ofUnseen.map((vector) => ({ kind: 'photo never stored', vector }))],
  }
}

/** Cut `n` is of photo `n` modulo their number; `purpose` makes other cuts of the same photos. */
async function encodeCuts(photos: Photo[], count: number, purpose: number, { card, infer }: Encoding, log?: (line: string) => void): Promise<Buffer[]> {
  const draw = new Draw()
  const vectors: Buffer[] = []
  for (let from = 0; from < count; from += BATCH) {
    const cuts = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => {
      const photo = photos[(from + i) % photos.length]!
      return { photo, cut: drawCut(photo, draw.seed(from + i, purpose)) }
    })
    const prepared = await Promise.all(cuts.map(async ({ photo, cut }) => pixelsOf(await cutOut(photo, cut), card.preprocessing)))
    for (const numbers of await infer(prepared)) vectors.push(directionOf(numbers))
    if (log && from % 2_000 < BATCH) log(`${from.toLocaleString('en')} of ${count.toLocaleString('en')} pictures encoded`)
  }
  return vectors
}

function directionOf(numbers: Float32Array): Buffer {
  const vector = unitHalf(numbers)
  if (vector === undefined) throw new Error('a picture has no direction under this model')
  return vector
}
