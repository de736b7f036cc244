/** The demo's media: made here, not fetched, and the same every time for one seed and one version of sharp and ffmpeg. */
import { mkdir, readFile } from 'node:fs/promises'
import { makeBroken } from './broken.ts'
import { EDITS_PER_PICTURE, makeByteCopy, makeEdits } from './edits.ts'
import { FAMILIES, type Family } from './families/index.ts'
import { ffmpegEncoders } from './ffmpeg.ts'
import { inParallel } from './in-parallel.ts'
import { type DemoItem, openWorkshop, type Workshop } from './item.ts'
import { openPainters } from './painters.ts'
import { makePicture, PICTURES_PER_FAMILY } from './pictures.ts'
import { soundJobs } from './sounds.ts'
import { chooseVideoEncoders, videoJobs } from './videos.ts'

/** Some paint while others encode; each holds up to 36 MB (twelve megapixels). */
const JOBS_AT_ONCE = 6
const VIDEOS = 6
const SOUNDS = 6
/** Two of the eight are URIs without a file. */
const BROKEN_FILES = 6
export const FILES = FAMILIES.length * (PICTURES_PER_FAMILY + EDITS_PER_PICTURE) + 1 + VIDEOS + SOUNDS + BROKEN_FILES

export interface GenerateOptions {
  seed?: string
  signal?: AbortSignal
  onProgress?: (progress: { done: number; total: number; name: string }) => void
}

/**
 * Fills `dir` and resolves to its items: originals before the copies made of them, broken ones last.
 * @throws Halt `demo.no-ffmpeg`
 */
export async function generateMedia(dir: string, options: GenerateOptions = {}): Promise<DemoItem[]> {
  const { seed = 'demo2', signal = new AbortController().signal, onProgress } = options
  await mkdir(dir, { recursive: true })
  let done = 0
  const painters = openPainters()
  const workshop = openWorkshop({ dir, seed, signal, paint: painters.paint }, (name) => onProgress?.({ done: ++done, total: FILES, name }))
  try {
    return await makeAll(workshop)
  } finally {
    await painters.close()
  }
}

async function makeAll(workshop: Workshop): Promise<DemoItem[]> {
  const encoders = await ffmpegEncoders(workshop.signal)
  const jobs = [...videoJobs(workshop, chooseVideoEncoders(encoders)), ...pictureJobs(workshop), ...soundJobs(workshop, encoders)]
  const items = (await inParallel(jobs, JOBS_AT_ONCE, workshop.signal)).flat()
  const good = { jpeg: await bytesOf(items, 'image'), mp4: await bytesOf(items, 'video') }
  return [...items, ...(await makeBroken(workshop, good))].sort((a, b) => rank(a) - rank(b))
}

/** One job for each picture; the first of a family brings its edits, and one of them a plain copy. */
function pictureJobs(workshop: Workshop): (() => Promise<DemoItem[]>)[] {
  return FAMILIES.flatMap((family) => Array.from({ length: PICTURES_PER_FAMILY }, (_, index) => async () => {
    const { item, bytes } = await makePicture(workshop, family, index)
    if (index > 0) return [item]
    return [item, ...(await makeEdits(workshop, item, bytes)), ...(await byteCopies(workshop, family, item, bytes))]
  }))
}

async function byteCopies(workshop: Workshop, family: Family, item: DemoItem, bytes: Buffer): Promise<DemoItem[]> {
  return family === FAMILIES[0] ? [await makeByteCopy(workshop, item, bytes, 'holiday-photo.jpg')] : []
}

async function bytesOf(items: readonly DemoItem[], kind: DemoItem['kind']): Promise<Buffer> {
  return readFile(items.find((item) => item.kind === kind)!.path!)
}

function rank({ kind, expect }: DemoItem): number {
  if (kind === 'broken') return 2
  return expect.outcome === 'stored' && expect.of !== undefined ? 1 : 0
}
