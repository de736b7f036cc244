/** Submit to row, unloaded: one asset at a time, each waited for. */
import { openPipeline } from '#test/support/pipeline.ts'
import { photo, video } from '#test/support/media.ts'
import type { Bench, Metric } from './result.ts'
import { startStageProcesses } from '#test/support/stage-processes.ts'
import { percentile } from './percentile.ts'

const PICTURES = 60
const VIDEOS = 12
/** The first assets open connections and load code and model; they are not counted. */
const WARM_UP = 6

export const latency: Bench = {
  name: 'latency',
  about: 'Milliseconds from submit to the committed row, one asset at a time, each stage a process of its own, profile latency.',
  async run() {
    const pipeline = await openPipeline()
    const stages = startStageProcesses(pipeline.config)
    try {
      const measure = async (bytes: Buffer): Promise<number> => {
        const startedMs = performance.now()
        const id = await pipeline.producer.submit({ bytes })
        await pipeline.producer.waitUntilStored(id, { timeoutMs: 120_000 })
        return performance.now() - startedMs
      }
      const pictures = await Promise.all(Array.from({ length: PICTURES + WARM_UP }, (_, n) => photo(n)))
      const films = []
      for (let seed = 0; seed < VIDEOS; seed++) films.push(await video({ seconds: 3, seed }))
      for (const picture of pictures.slice(0, WARM_UP)) await measure(picture)
      const pictureMs = []
      for (const picture of pictures.slice(WARM_UP)) pictureMs.push(await measure(picture))
      const filmMs = []
      for (const film of films) filmMs.push(await measure(film))
      const { assets } = await pipeline.catalogue.counts()
      return {
        verified: assets === PICTURES + WARM_UP + VIDEOS,
        notes: [`${PICTURES} pictures of 640 × 480 and ${VIDEOS} videos of 3 s, 480 × 270. The sink waits up to 250 ms for company.`],
        metrics: [...metricsOf('image', pictureMs, 500), ...metricsOf('video', filmMs, 2_000)],
      }
    } finally {
      await stages.stop()
      await pipeline.close()
    }
  },
}

function metricsOf(kind: string, times: number[], target: number): Metric[] {
  const p95 = percentile(times, 0.95)
  return [
    { name: `${kind}_p50_ms`, value: percentile(times, 0.5), unit: 'ms' },
    { name: `${kind}_p95_ms`, value: p95, unit: 'ms', target: `≤ ${target}`, met: p95 <= target },
  ]
}
