/** Body of a painting thread: paints what it is asked for, and hands the pixels over without copying them. */
import { parentPort } from 'node:worker_threads'
import { paintPicture } from './families/index.ts'
import type { PaintRequest } from './painters.ts'

parentPort?.on('message', ({ id, family, seed, size }: PaintRequest) => {
  const raster = paintPicture(family, seed, size)
  parentPort?.postMessage({ id, raster }, [raster.pixels.buffer as ArrayBuffer])
})
