/// <reference lib="es2025.float16" preserve="true" />
/** Vectors of files, by way of the parts that the embed stage is made of. */
import { readFile } from 'node:fs/promises'
import { unitHalf } from '#processors/embed/half.ts'
import { openInference } from '#processors/embed/inference.ts'
import { pixelsOf } from '#processors/embed/pictures.ts'
import type { InstalledModel } from '../../models/store.ts'

/** Unit vectors in half precision, in the order of the files. */
export async function vectorsOf({ path, card }: InstalledModel, files: string[]): Promise<Buffer[]> {
  const { infer, close } = await openInference(path, card, 1)
  const vectors: Buffer[] = []
  for (const file of files) {
    const [numbers] = await infer([await pixelsOf(await readFile(file), card.preprocessing)])
    vectors.push(unitHalf(numbers!)!)
  }
  await close()
  return vectors
}

export function cosine(a: Buffer, b: Buffer): number {
  const [x, y] = [a, b].map((halves) => new Float16Array(Uint8Array.from(halves).buffer)) as [Float16Array, Float16Array]
  return x.reduce((sum, number, i) => sum + number * y[i]!, 0)
}
