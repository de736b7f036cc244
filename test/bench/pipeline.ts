/** Pictures a second through all stages, against a bare decode and infer loop over the same files with the same model. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openPipeline, type Pipeline } from '#test/support/pipeline.ts'
import { sharedData } from '#test/support/shared-data.ts'
import { jpeg } from '#test/support/media.ts'
import { addModel } from '#models/add.ts'
import { describeModel, ensureDescriptor } from '#models/store.ts'
import { openInference } from '#processors/embed/inference.ts'
import { pixelsOf } from '#processors/embed/pictures.ts'
import { topology } from '#topology'
import { startStageProcesses, type StageProcesses } from '#test/support/stage-processes.ts'
import type { Bench, Metric } from './result.ts'

const PICTURES = 300
const WARM_UP = 10
const BATCH = 16
const DEADLINE_MS = 300_000

/** The stand-in has CLIP's interface and real weights (MobileNetV3): far lighter than ViT-B/32. */
const STAND_IN = 'clip-shaped-standin'

export const pipeline: Bench = {
  name: 'pipeline',
  about: 'Pictures a second from submit to row, each stage a process of its own on the machine that also runs broker, registry and database, against a bare decode and infer loop.',
  async run() {
    const standIn = sharedData('models/clip_shaped_standin_512.onnx')
    const opened = await openPipeline(standIn ? { SLUICE_MODEL: STAND_IN } : {})
    let stages: StageProcesses | undefined
    try {
      if (standIn) await addModel({ dir: opened.config.modelsDir, file: standIn, id: STAND_IN })
      const files = await paint(opened.mediaDir)
      const bare = await bareLoop(files.slice(WARM_UP), opened)
      stages = startStageProcesses(opened.config)
      await drain(opened, files.slice(0, WARM_UP))
      const cpuBefore = stages.cpuSeconds()
      const startedMs = performance.now()
      await drain(opened, files.slice(WARM_UP))
      const seconds = (performance.now() - startedMs) / 1000
      const cpu = stages.cpuSeconds()
      const { assets, failures } = await opened.catalogue.counts()
      const perSecond = PICTURES / seconds
      return {
        verified: assets === PICTURES + WARM_UP && failures.length === 0,
        notes: [
          `${PICTURES} JPEGs of 1,024 × 768, model ${opened.config.model}. The bare loop reads, decodes, resizes and infers in batches of ${BATCH} in one process; the pipeline also stores blobs, makes the normal form, fingerprints, dedupes, clusters and writes rows through ${topology.stages.length} topics.`,
        ],
        metrics: [
          { name: 'images_per_s', value: perSecond, unit: '/s', baseline: bare, ratio: perSecond / bare },
          ...topology.stages.map(({ name }): Metric => ({ name: `cpu_ms_per_image_${name}`, value: (cpu[name]! - cpuBefore[name]!) * 1000 / PICTURES, unit: 'ms' })),
        ],
      }
    } finally {
      await stages?.stop()
      await opened.close()
    }
  },
}

async function paint(dir: string): Promise<string[]> {
  await mkdir(dir, { recursive: true })
  const files = []
  for (let seed = 0; seed < PICTURES + WARM_UP; seed++) {
    const path = join(dir, `${seed}.jpg`)
    await writeFile(path, await jpeg({ width: 1024, height: 768, seed }))
    files.push(path)
  }
  return files
}

/** Pictures a second of a program that does nothing but read, decode and infer. */
async function bareLoop(files: string[], { config }: Pipeline): Promise<number> {
  const model = (await describeModel(config.modelsDir, config.model)) ?? (await ensureDescriptor(config.modelsDir))
  const inference = await openInference(model.path, model.card, config.inferenceThreads)
  const prepare = async (batch: string[]) => Promise.all(batch.map(async (file) => pixelsOf(await readFile(file), model.card.preprocessing)))
  await inference.infer(await prepare(files.slice(0, BATCH)))
  const startedMs = performance.now()
  let next = prepare(files.slice(0, BATCH))
  for (let at = 0; at < files.length; at += BATCH) {
    const pixels = await next
    next = prepare(files.slice(at + BATCH, at + 2 * BATCH))
    await inference.infer(pixels)
  }
  const seconds = (performance.now() - startedMs) / 1000
  await inference.close()
  return files.length / seconds
}

/** Submits the files and waits until all are stored. */
async function drain({ producer }: Pipeline, files: string[]): Promise<void> {
  const ids = []
  for await (const id of producer.submitAll(files.map((path) => ({ path, byPath: true })))) ids.push(id)
  await Promise.all(ids.map((id) => producer.waitUntilStored(id, { timeoutMs: DEADLINE_MS })))
}
