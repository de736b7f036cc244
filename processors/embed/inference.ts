/** The model at work: pictures in, vectors out, several at a time. */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { ModelCard } from '#models/card.ts'

/** Prepared pictures of equal size in, one vector for each out, owned by the caller. */
export type Infer = (pictures: readonly Float32Array[]) => Promise<Float32Array[]>

export interface Inference {
  infer: Infer
  close(): Promise<void>
}

/** `threads` 0 lets onnxruntime take every physical core. */
export async function openInference(path: string, card: ModelCard, threads: number): Promise<Inference> {
  const session = await InferenceSession.create(path, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
  })
  return { infer: (pictures) => run(session, card, pictures), close: () => session.release() }
}

async function run(session: InferenceSession, card: ModelCard, pictures: readonly Float32Array[]): Promise<Float32Array[]> {
  const { size } = card.input
  const planes = new Float32Array(pictures.length * 3 * size * size)
  pictures.forEach((picture, i) => planes.set(picture, i * 3 * size * size))
  const feeds = { [card.input.name]: new Tensor('float32', planes, [pictures.length, 3, size, size]) }
  const output = (await session.run(feeds, [card.output.name]))[card.output.name]
  if (!(output?.data instanceof Float32Array) || output.data.length !== pictures.length * card.dimensions) {
    throw new Error(`The model gave ${output?.data.length} numbers for ${pictures.length} pictures, not ${card.dimensions} each`)
  }
  const numbers = output.data
  // Copied: onnxruntime owns the tensor's memory.
  return pictures.map((_, i) => numbers.slice(i * card.dimensions, (i + 1) * card.dimensions))
}
