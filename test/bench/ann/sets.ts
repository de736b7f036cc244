/** The sets that are searched: of pictures where there are photos, and of drawn numbers in their likeness. */
import { sharedData } from '#test/support/shared-data.ts'
import { drawSample, mixtureLike } from './mixture.ts'
import { photoVectors } from './photo-vectors.ts'
import type { VectorSet } from './vector-set.ts'

export interface Sizes {
  pictures: number
  mixture: number
  /** A second mixture, too large to be tried in every way. */
  large?: number
}

export interface Sets {
  /** Those of pictures first. */
  sets: VectorSet[]
  large: VectorSet | undefined
  /** Whether there were photos. */
  isReal: boolean
}

/** Half of them of photos held out. */
const PICTURE_QUERIES = 200
const MIXTURE_QUERIES = 100
const COMPONENTS = 1_000
const DRAWN_GROUPS = 135
const DRAWN_MEMBERS = 64

export async function makeSets({ pictures, mixture, large }: Sizes, log: (line: string) => void): Promise<Sets> {
  const [photos, model] = [sharedData('images/imagenet-sample'), sharedData('models/clip_shaped_standin_512.onnx')]
  const real = photos && model ? await photoVectors({ photos, model }, pictures, PICTURE_QUERIES, log) : undefined
  const { vectors, photoOf } = real ?? drawSample(DRAWN_GROUPS, DRAWN_MEMBERS)
  const drawn = (rows: number): VectorSet => {
    log(`${rows.toLocaleString('en')} vectors of a mixture`)
    return mixtureLike({ vectors }, photoOf, { rows, queries: MIXTURE_QUERIES, components: COMPONENTS })
  }
  return { sets: [...(real ? [real] : []), drawn(mixture)], large: large === undefined ? undefined : drawn(large), isReal: real !== undefined }
}
