import assert from 'node:assert/strict'
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import protobuf from 'protobufjs'
import { addModel } from '../../../models/add.ts'
import { CLIP_PREPROCESSING, parseCard } from '../../../models/card.ts'
import { PULLABLE } from '../../../models/catalogue.ts'
import { descriptorModel } from '../../../models/descriptor/card.ts'
import { buildDescriptor } from '../../../models/descriptor/graph.ts'
import { hasExternalData } from '../../../models/onnx/external-data.ts'
import { Graph } from '../../../models/onnx/graph.ts'
import { modelCards } from '../../../models/service.ts'
import { describeModel, ensureDescriptor, installModel, listModels } from '../../../models/store.ts'

let dir: string
before(async () => { dir = await mkdtemp(join(tmpdir(), 'sluice-models-')) })
after(() => rm(dir, { recursive: true }))

/** Mean of each colour over 112 x 112 squares: 12 numbers. */
function tinyModel(shape: (number | string)[] = ['batch', 3, 224, 224]): Buffer {
  const graph = new Graph('tiny')
  const pixels = graph.input('pixel_values', shape)
  const pooled = graph.apply('AveragePool', [pixels], { kernel_shape: [112, 112], strides: [112, 112] })
  graph.output('image_embeds', graph.apply('Flatten', [pooled], { axis: 1 }), ['batch', 12])
  return graph.toBytes('test')
}

async function fileOf(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(dir, name)
  await writeFile(path, bytes)
  return path
}

describe('model cards', () => {
  const valid = { ...descriptorModel().card, id: 'other' }

  test('a card survives being written and read', () => {
    assert.deepEqual(parseCard(JSON.parse(JSON.stringify(valid))), valid)
  })

  test('all wrong fields are named at once', () => {
    const wrong = { ...valid, sha256: 'abc', dimensions: 0, preprocessing: { ...valid.preprocessing, mean: [0, 0] } }
    assert.throws(() => parseCard(wrong), (error: Error) => ['sha256', 'dimensions', 'preprocessing.mean'].every((field) => error.message.includes(field)))
  })

  for (const id of ['../up', '.hidden', 'a/b', 'UPPER', '', 'a'.repeat(65)]) {
    test(`the id ${JSON.stringify(id)} cannot become a folder`, () => {
      assert.throws(() => parseCard({ ...valid, id }), { code: 'model.card-invalid' })
    })
  }

  test('what is no object is refused', () => {
    for (const json of [null, [], 'card', 7, undefined]) assert.throws(() => parseCard(json), { code: 'model.card-invalid' })
  })

  test('every model that can be pulled has a valid card with an address over TLS', () => {
    for (const card of PULLABLE) {
      assert.deepEqual(parseCard(card), card)
      assert.match(card.url!, /^https:/)
    }
  })
})

describe('external data', () => {
  // model { graph(7) { initializer(5) { external_data(13) {} } } }
  const tensor = [13 << 3 | 2, 0]
  const wrap = (field: number, inner: number[]) => [field << 3 | 2, inner.length, ...inner]

  test('is found in an initializer', () => {
    assert.equal(hasExternalData(Uint8Array.from(wrap(7, wrap(5, tensor)))), true)
  })

  test('is found in the constant of a node', () => {
    assert.equal(hasExternalData(Uint8Array.from(wrap(7, wrap(1, wrap(5, wrap(5, tensor)))))), true)
  })

  test('is not suspected where there is none', () => {
    assert.equal(hasExternalData(tinyModel()), false)
    assert.equal(hasExternalData(buildDescriptor()), false)
  })

  test('endless nesting and cut-off messages are refused', () => {
    const cutOff = Uint8Array.from([7 << 3 | 2, 100, 1])
    assert.throws(() => hasExternalData(cutOff), RangeError)
    let nested: Buffer = Buffer.alloc(0)
    const wrapLong = (field: number, inner: Buffer) => Buffer.from(protobuf.Writer.create().uint32(field << 3 | 2).bytes(inner).finish())
    for (let depth = 0; depth < 200; depth++) nested = wrapLong(1, wrapLong(5, wrapLong(6, nested)))
    assert.throws(() => hasExternalData(wrapLong(7, nested)), RangeError)
  })
})

describe('the built-in descriptor', () => {
  test('has the same bytes whenever it is made', () => {
    assert.deepEqual(buildDescriptor(), buildDescriptor())
  })

  test('never changes under its id, since vectors of two versions must not be compared', () => {
    // A wanted change of the graph needs another id, and then this hash.
    assert.equal(descriptorModel().card.sha256, '9f9bc1c22c59285c143ba9127b733fe57082e87c0dbb7a99a848b1407076778d')
    assert.equal(descriptorModel().card.id, 'descriptor-512')
  })

  test('is small enough to be made on demand', () => {
    assert.ok(descriptorModel().bytes.length < 300_000)
  })

  test('is made in the folder once and repaired when damaged', async () => {
    const models = join(dir, 'ensure')
    const { path } = await ensureDescriptor(models)
    const { mtimeMs } = await stat(path)
    await ensureDescriptor(models)
    assert.equal((await stat(path)).mtimeMs, mtimeMs)
    await writeFile(path, 'damaged')
    await ensureDescriptor(models)
    assert.deepEqual(await readFile(path), descriptorModel().bytes)
  })

  test('is installed whole by ten at once', async () => {
    const models = join(dir, 'race')
    await Promise.all(Array.from({ length: 10 }, () => ensureDescriptor(models)))
    assert.deepEqual(await readdir(models), ['descriptor-512'])
    assert.equal((await describeModel(models, 'descriptor-512'))?.state, 'ready')
  })
})

describe('adding a model', () => {
  test('a file of CLIP\'s shape needs no card, and what was assumed is said', async () => {
    const models = join(dir, 'plain')
    const { card, assumed } = await addModel({ dir: models, file: await fileOf('My Model.onnx', tinyModel()) })
    assert.equal(card.id, 'my-model')
    assert.equal(card.dimensions, 12)
    assert.deepEqual(card.preprocessing, CLIP_PREPROCESSING)
    assert.equal(card.output.name, 'image_embeds')
    assert.equal(assumed.length, 2)
    assert.equal((await describeModel(models, 'my-model'))?.state, 'ready')
    assert.deepEqual((await listModels(models)).map(({ card: { id } }) => id), ['descriptor-512', 'my-model'])
  })

  test('a card may leave out hash and length', async () => {
    const { sha256, bytes, ...rest } = { ...descriptorModel().card, id: 'copy' }
    const { card } = await addModel({ dir: join(dir, 'card'), file: await fileOf('d.onnx', descriptorModel().bytes), card: rest })
    assert.deepEqual([card.sha256, card.bytes], [sha256, bytes])
  })

  test('a card of another file is refused', async () => {
    const file = await fileOf('tiny.onnx', tinyModel())
    await assert.rejects(addModel({ dir, file, card: { ...descriptorModel().card, id: 'x' } }), { code: 'model.card-invalid' })
  })

  test('a card whose dimensions the model does not give is refused', async () => {
    const card = { ...descriptorModel().card, id: 'x', dimensions: 511 }
    await assert.rejects(addModel({ dir, file: await fileOf('d.onnx', descriptorModel().bytes), card }), { code: 'model.file-unusable' })
  })

  test('an id stays with its file', async () => {
    const models = join(dir, 'taken')
    await addModel({ dir: models, file: await fileOf('a.onnx', tinyModel()), id: 'mine' })
    await addModel({ dir: models, file: join(dir, 'a.onnx'), id: 'mine' })
    await assert.rejects(addModel({ dir: models, file: await fileOf('b.onnx', descriptorModel().bytes), id: 'mine' }), { code: 'model.id-taken' })
  })

  test('what is no ONNX file, has another input or keeps its weights elsewhere is refused', async () => {
    const external = Uint8Array.from([7 << 3 | 2, 4, 5 << 3 | 2, 2, 13 << 3 | 2, 0])
    await assert.rejects(addModel({ dir, file: await fileOf('text.onnx', Buffer.from('hello world')) }), { code: 'model.file-unusable' })
    await assert.rejects(addModel({ dir, file: await fileOf('wide.onnx', tinyModel(['batch', 3, 448, 448])) }), { code: 'model.file-unusable' })
    await assert.rejects(addModel({ dir, file: await fileOf('external.onnx', external) }), { code: 'model.external-data' })
    await assert.rejects(addModel({ dir, file: join(dir, 'absent.onnx') }), { code: 'model.file-unusable' })
  })
})

describe('looking a model up', () => {
  test('a changed and a missing file are told apart', async () => {
    const models = join(dir, 'states')
    const card = { ...descriptorModel().card, id: 'mine' }
    const { path } = await installModel(models, card, descriptorModel().bytes)
    await writeFile(path, Buffer.alloc(card.bytes))
    assert.equal((await describeModel(models, 'mine'))?.state, 'file-changed')
    await rm(path)
    assert.equal((await describeModel(models, 'mine'))?.state, 'file-missing')
    assert.equal(await describeModel(models, 'never-heard-of'), undefined)
    assert.equal(await describeModel(models, '../states/mine'), undefined)
  })

  test('cards are known without a file for the built-in model, and by their file for others', async () => {
    const models = join(dir, 'service')
    await installModel(models, { ...descriptorModel().card, id: 'mine', clusterThreshold: 0.65 }, descriptorModel().bytes)
    assert.equal(modelCards(models).card('mine').clusterThreshold, 0.65)
    assert.equal(modelCards(join(dir, 'empty')).card('clip-vit-b-32').clusterThreshold, 0.72)
    for (const id of ['absent', '../service/mine', '']) assert.throws(() => modelCards(models).card(id), { name: 'Halt', code: 'model.unknown' })
  })
})
