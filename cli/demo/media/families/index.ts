/** Six kinds of picture, unlike each other in colour and structure. Within one, every seed gives a different picture. */
import { type Raster, develop } from '../raster.ts'
import { seeded, type Random } from '../random.ts'
import { city } from './city.ts'
import { cloth } from './cloth.ts'
import { flower } from './flower.ts'
import { landscape } from './landscape.ts'
import { reef } from './reef.ts'
import { stone } from './stone.ts'

const PAINTERS = { landscape, city, flower, cloth, stone, reef } as const satisfies Record<
  string, (random: Random, width: number, height: number) => Raster
>

export type Family = keyof typeof PAINTERS
export const FAMILIES = Object.keys(PAINTERS) as Family[]

/** Paints one picture. Takes about 0.2 µs a pixel, on the calling thread. */
export function paintPicture(family: Family, seed: string, size: { width: number; height: number }): Raster {
  const random = seeded(`${family} ${seed}`)
  return develop(PAINTERS[family](random, size.width, size.height), random)
}
