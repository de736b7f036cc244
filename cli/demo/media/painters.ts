/** Paints on a few threads, so that painting one picture overlaps with painting and encoding others. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Family } from './families/index.ts'
import type { Raster } from './raster.ts'

/** More threads than this would only wait for the encoders. */
const MOST_THREADS = 4

export interface PaintRequest {
  id: number
  family: Family
  seed: string
  size: { width: number; height: number }
}

export interface Painters {
  /** As `paintPicture`. Rejects when a thread dies. */
  paint(family: Family, seed: string, size: { width: number; height: number }): Promise<Raster>
  /** Ends the threads; pictures still asked for are never answered. */
  close(): Promise<void>
}

export function openPainters(threads = Math.min(MOST_THREADS, availableParallelism())): Painters {
  const pending = new Map<number, PromiseWithResolvers<Raster>>()
  const workers = Array.from({ length: threads }, () => openThread(pending))
  let asked = 0
  return {
    paint(family, seed, size) {
      const id = asked++
      const answer = Promise.withResolvers<Raster>()
      pending.set(id, answer)
      workers[id % threads]!.postMessage({ id, family, seed, size } satisfies PaintRequest)
      return answer.promise
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

function openThread(pending: Map<number, PromiseWithResolvers<Raster>>): Worker {
  const worker = new Worker(new URL('./painter-thread.ts', import.meta.url))
  worker.on('message', ({ id, raster }: { id: number; raster: Raster }) => {
    pending.get(id)?.resolve(raster)
    pending.delete(id)
  })
  worker.on('error', (error) => {
    for (const answer of pending.values()) answer.reject(error)
    pending.clear()
  })
  return worker
}
