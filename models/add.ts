/** Installs an ONNX image encoder that somebody brings, with a card or, when it has CLIP's shape, without one. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { Halt } from '../runtime/errors.ts'
import { CLIP_CLUSTER_THRESHOLD, CLIP_PREPROCESSING, parseCard, type ModelCard } from './card.ts'
import { knownCard } from './catalogue.ts'
import { hasExternalData } from './onnx/external-data.ts'
import { installModel, type InstalledModel } from './store.ts'

export interface AddRequest {
  /** Folder of installed models. */
  dir: string
  /** The ONNX file; it is copied. */
  file: string
  /** A card as parsed JSON; its `sha256` and `bytes` may be left out. */
  card?: unknown
  /** Takes the card that sluice knows under this id, or names a model that comes without a card. */
  id?: string
}

export interface AddedModel extends InstalledModel {
  /** What was taken for granted since nobody said it; sentences for people. */
  assumed: string[]
}

interface Shape { name: string; dimensions: readonly (number | string)[] }

/** The protobuf limit, and so the largest ONNX file. */
const MAX_FILE_BYTES = 2 ** 31 - 1

/**
 * Inspects the file, runs it once, and installs it.
 * @throws Halt `model.file-unusable`, `model.external-data`, `model.card-invalid`, `model.id-taken`
 */
export async function addModel(request: AddRequest): Promise<AddedModel> {
  const bytes = await readModel(request.file)
  refuseExternalData(bytes, request.file)
  const identity = { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length }
  const session = await load(bytes, request.file)
  try {
    const { card, assumed } = await cardFor(session, request, identity)
    await checkRun(session, card)
    return { ...await installModel(request.dir, card, request.file), assumed }
  } finally {
    await session.release()
  }
}

async function readModel(file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file)
    if (size > MAX_FILE_BYTES) throw unusable(`${file} is larger than an ONNX file can be`)
    return await readFile(file)
  } catch (error) {
    throw error instanceof Halt ? error : unusable(`${file} cannot be read: ${(error as Error).message}`, error)
  }
}

function refuseExternalData(bytes: Buffer, file: string): void {
  let isExternal: boolean
  try {
    isExternal = hasExternalData(bytes)
  } catch (error) {
    throw unusable(`${file} is no ONNX file: ${(error as Error).message}`, error)
  }
  if (!isExternal) return
  throw new Halt('model.external-data', `${file} keeps its weights in other files`, 'Save it as one file: onnx.save_model(model, path, save_as_external_data=False).')
}

async function load(bytes: Buffer, file: string): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, { logSeverityLevel: 3, executionProviders: ['cpu'] })
  } catch (error) {
    throw unusable(`onnxruntime cannot load ${file}: ${(error as Error).message}`, error)
  }
}

async function cardFor(session: InferenceSession, request: AddRequest, identity: Pick<ModelCard, 'sha256' | 'bytes'>): Promise<{ card: ModelCard; assumed: string[] }> {
  const known = request.id === undefined ? undefined : knownCard(request.id)
  if (request.card !== undefined) return { card: givenCard(request.card, identity), assumed: [] }
  if (known?.sha256 === identity.sha256) return { card: known, assumed: [] }
  return assumedCard(session, request, identity)
}

function givenCard(json: unknown, identity: Pick<ModelCard, 'sha256' | 'bytes'>): ModelCard {
  const card = parseCard(typeof json === 'object' && json !== null ? { ...identity, ...json } : json)
  if (card.sha256 === identity.sha256 && card.bytes === identity.bytes) return card
  throw new Halt('model.card-invalid', `The card is of another file: the file's SHA-256 is ${identity.sha256}`, 'Bring the file that the card names, or leave sha256 and bytes out of the card.')
}

async function assumedCard(session: InferenceSession, request: AddRequest, identity: Pick<ModelCard, 'sha256' | 'bytes'>): Promise<{ card: ModelCard; assumed: string[] }> {
  const input = clipInput(session)
  const output = vectorOutput(session)
  const card: ModelCard = {
    id: request.id ?? idFrom(request.file),
    ...identity,
    input: { name: input.name, layout: 'NCHW', size: CLIP_PREPROCESSING.crop },
    output: { name: output },
    preprocessing: CLIP_PREPROCESSING,
    dimensions: await vectorLength(session, input.name, output),
    clusterThreshold: CLIP_CLUSTER_THRESHOLD,
    licence: 'not stated',
    description: 'Installed without a card.',
  }
  const assumed = [
    'Pictures are prepared as for OpenAI CLIP (224 px, cubic, its mean and standard deviation).',
    `Assets from cosine ${CLIP_CLUSTER_THRESHOLD} share a cluster, as for CLIP ViT-B/32.`,
  ]
  return { card: parseCard(card), assumed }
}

function clipInput(session: InferenceSession): Shape {
  const [input, ...others] = shapesOf(session.inputMetadata)
  const [, channels, height, width] = input?.dimensions ?? []
  const isFit = (size: number | string | undefined, wanted: number) => typeof size === 'string' || size === wanted
  if (input && others.length === 0 && input.dimensions.length === 4 && isFit(channels, 3) && isFit(height, 224) && isFit(width, 224)) return input
  const found = [input, ...others].map((shape) => (shape ? `${shape.name} [${shape.dimensions.join(', ')}]` : 'none')).join(', ')
  throw unusable(`Without a card the model must take one input [N, 3, 224, 224] of float32; it takes ${found}`)
}

/** Of several outputs the one that is called an embedding. */
function vectorOutput(session: InferenceSession): string {
  const names = session.outputNames
  const named = names.filter((name) => /embed/i.test(name) && !/text|hidden/i.test(name))
  const chosen = names.length === 1 ? names : named
  if (chosen.length === 1) return chosen[0]!
  throw unusable(`Without a card the model must have one output, or one that is called an embedding; it has ${names.join(', ')}`)
}

function shapesOf(metadata: InferenceSession['inputMetadata']): Shape[] {
  return metadata.flatMap((value) => (value.isTensor && value.type === 'float32' ? [{ name: value.name, dimensions: value.shape }] : []))
}

async function vectorLength(session: InferenceSession, input: string, output: string): Promise<number> {
  const size = CLIP_PREPROCESSING.crop
  const result = await runOnce(session, input, output, size)
  return result.size
}

async function checkRun(session: InferenceSession, card: ModelCard): Promise<void> {
  for (const [kind, name, names] of [['input', card.input.name, session.inputNames], ['output', card.output.name, session.outputNames]] as const) {
    if (!names.includes(name)) throw unusable(`The model has no ${kind} ${name}, only ${names.join(', ')}`)
  }
  const result = await runOnce(session, card.input.name, card.output.name, card.input.size)
  if (result.size !== card.dimensions) throw unusable(`The model gives ${result.size} numbers for a picture, its card says ${card.dimensions}`)
}

async function runOnce(session: InferenceSession, input: string, output: string, size: number): Promise<Tensor> {
  try {
    const [declared] = shapesOf(session.inputMetadata).filter((shape) => shape.name === input)
    const batch = typeof declared?.dimensions[0] === 'number' ? declared.dimensions[0] : 1
    if (batch !== 1) throw new Error(`it takes ${batch} pictures at once; export it for one or for any number`)
    const grey = new Float32Array(3 * size * size).fill(0.25)
    const result = (await session.run({ [input]: new Tensor('float32', grey, [1, 3, size, size]) }, [output]))[output]
    if (result?.type !== 'float32') throw new Error(`its output is ${result?.type}, not float32`)
    return result
  } catch (error) {
    throw unusable(`The model cannot be run on a picture: ${(error as Error).message}`, error)
  }
}

/** A file's name as a model id. */
function idFrom(file: string): string {
  return basename(file).replace(/\.onnx$/i, '').toLowerCase().replace(/[^a-z0-9.]+/g, '-').replace(/^[^a-z0-9]+|-+$/g, '').slice(0, 64)
}

function unusable(reason: string, cause?: unknown): Halt {
  return new Halt('model.file-unusable', reason, 'Export an image encoder as one ONNX file, or describe it by a card: sluice model add FILE --card card.json', { cause })
}
