/**
 * Which batch sizes give the same bits.
 *
 * I2 wants the same vector for a picture whatever it was batched with. A matrix product may add in another order for
 * another number of rows (special kernels for one row, other blocking), and onnxruntime promises nothing. So it is tried
 * once, when a model is opened: random pictures through batches of 1 to 16, at different places in the batch, compared
 * bit by bit in single precision. Sums of hundreds of random terms added in another order differ in some last bit, so
 * equal bits mean equal order. Only sizes that agree are used afterwards.
 *
 * What this cannot give is equality between machines: another processor or another number of threads may round otherwise.
 */
import type { Infer } from './inference.ts'

/** 16: ViT-B/32 gains nothing from more on a processor; each doubling would double the wait of a single picture behind it. */
const SIZES = [1, 2, 4, 8, 16] as const
const LARGEST = 16

/** Sizes that agree, ascending; a shorter batch than the first is filled up. Never empty. */
export async function agreeingSizes(infer: Infer, pictureLength: number): Promise<number[]> {
  const pictures = randomPictures(pictureLength)
  const [singles, pairs] = [await attempt(infer, pictures, 1), await attempt(infer, pictures, 2)]
  // A one-row product is the likeliest to differ. Then pairs decide, and a single picture is run twice.
  const reference = singles && pairs && !sameBits(singles, pairs) ? pairs : singles
  if (reference === undefined) return [1]
  const agreeing: number[] = reference === singles ? [1] : []
  for (const size of SIZES.slice(1)) {
    const vectors = await attempt(infer, pictures, size)
    if (vectors === undefined || !sameBits(reference, vectors)) break
    agreeing.push(size)
  }
  // In reverse every picture stands at another place of the largest batch.
  const reversed = await attempt(infer, pictures.toReversed(), agreeing.at(-1)!)
  return reversed && sameBits(reference, reversed.toReversed()) ? agreeing : [1]
}

/** The vectors of all pictures in batches of `size`; undefined when the model does not take that many. */
async function attempt(infer: Infer, pictures: Float32Array[], size: number): Promise<Float32Array[] | undefined> {
  try {
    const vectors: Float32Array[] = []
    for (let start = 0; start < pictures.length; start += size) vectors.push(...await infer(pictures.slice(start, start + size)))
    return vectors
  } catch (error) {
    // One picture must work: its failure is the model's, and the caller reports it.
    if (size === 1) throw error
    return undefined
  }
}

function sameBits(some: Float32Array[], others: Float32Array[]): boolean {
  return some.every((vector, i) => Buffer.from(vector.buffer).equals(Buffer.from(others[i]!.buffer)))
}

/** Numbers from -2 to 2, as prepared pictures have; from a fixed linear congruential generator (Numerical Recipes). */
function randomPictures(length: number): Float32Array[] {
  let seed = 1
  const next = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 2 ** 30 - 2
  }
  return Array.from({ length: LARGEST }, () => Float32Array.from({ length }, next))
}
