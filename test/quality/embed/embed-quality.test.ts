import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { agreeingSizes } from '#processors/embed/batch-sizes.ts'
import { openInference } from '#processors/embed/inference.ts'
import { pixelsOf } from '#processors/embed/pictures.ts'
import { sharedData } from '#test/support/shared-data.ts'
import { addModel } from '../../../models/add.ts'
import { CLIP_PREPROCESSING } from '../../../models/card.ts'
import { ensureDescriptor, type InstalledModel } from '../../../models/store.ts'
import { cosine, vectorsOf } from '../vectors.ts'

const skip = sharedData('models') ? false : 'needs ../shared/data'

let dir: string
before(async () => { dir = await mkdtemp(join(tmpdir(), 'sluice-embed-quality-')) })
after(() => rm(dir, { recursive: true }))

const MOBILENET_CARD = {
  id: 'mobilenetv3', input: { name: 'input', layout: 'NCHW', size: 224 }, output: { name: 'mean_9' }, dimensions: 576, clusterThreshold: 0.75,
  preprocessing: { shortSide: 256, crop: 224, kernel: 'cubic', scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  licence: 'BSD-3-Clause', description: 'test',
}

async function truth(): Promise<{ file: string; cosine576: string; cosine512: string }[]> {
  const rows = (await readFile(sharedData('near-dup/truth.tsv')!, 'utf8')).trim().split('\n').slice(1).map((line) => line.split('\t'))
  return rows.filter(([file]) => file!.startsWith('bridge-mods/')).map((row) => ({ file: row[0]!, cosine576: row[9]!, cosine512: row[10]! }))
}

const pathOf = (file: string) => sharedData(`near-dup/${file}`)!

test('a picture is prepared as openai/CLIP prepares it: mean difference at most 0.006', { skip }, async () => {
  const npy = await readFile(sharedData('models/clip-ground-truth/expected_preprocessed_image.npy')!)
  const expected = new Float32Array(Uint8Array.from(npy.subarray(10 + npy.readUInt16LE(8))).buffer)
  const pixels = await pixelsOf(await readFile(sharedData('models/clip-ground-truth/franz-kafka.jpg')!), CLIP_PREPROCESSING)
  assert.equal(pixels.length, expected.length)
  const mean = pixels.reduce((sum, number, i) => sum + Math.abs(number - expected[i]!), 0) / pixels.length
  assert.ok(mean <= 0.006, `mean difference ${mean}`)
})

describe('real encoders', { skip }, () => {
  for (const [file, card, column] of [
    ['models/clip_shaped_standin_512.onnx', undefined, 'cosine512'], ['models/mobilenetv3_small_embed_576.onnx', MOBILENET_CARD, 'cosine576'],
  ] as const) {
    test(`${file}: batches of 1 to 16 agree bit by bit, and cosines are those measured elsewhere within 0.05`, async () => {
      const model = await addModel({ dir, file: sharedData(file)!, ...(card ? { card } : {}) })
      const { infer, close } = await openInference(model.path, model.card, 1)
      assert.deepEqual(await agreeingSizes(infer, 3 * 224 * 224), [1, 2, 4, 8, 16])
      await close()
      const rows = await truth()
      const vectors = await vectorsOf(model, rows.map((row) => pathOf(row.file)))
      const original = vectors[rows.findIndex((row) => row.file.endsWith('aaa-orig.jpg'))]!
      for (const [i, row] of rows.entries()) {
        // A reduction by more than half is decoded differently by every library: the table's own preparation differs there.
        const tolerance = /shrink-a-lot|square-128/.test(row.file) ? 0.12 : 0.05
        assert.ok(Math.abs(cosine(vectors[i]!, original) - Number(row[column])) <= tolerance, `${row.file}: ${cosine(vectors[i]!, original)}, not ${row[column]}`)
      }
    })
  }
})

describe('the built-in descriptor', { skip }, () => {
  let model: InstalledModel
  before(async () => { model = await ensureDescriptor(dir) })

  test('keeps every edit of a photograph above 0.95', async () => {
    const rows = await truth()
    const vectors = await vectorsOf(model, rows.map((row) => pathOf(row.file)))
    const original = vectors[rows.findIndex((row) => row.file.endsWith('aaa-orig.jpg'))]!
    for (const [i, row] of rows.entries()) assert.ok(cosine(vectors[i]!, original) > 0.95, `${row.file}: ${cosine(vectors[i]!, original)}`)
  })

  test('keeps unrelated photographs apart', async () => {
    const files = ['ukbench00120', 'ukbench01380', 'ukbench08976', 'ukbench08996', 'ukbench09012', 'ukbench09040', 'ukbench09060']
    const [original, ...others] = await vectorsOf(model, files.map((name) => pathOf(`ukbench/${name}.jpg`)))
    for (const other of others) assert.ok(cosine(original!, other) < 0.6, `${cosine(original!, other)}`)
  })
})
