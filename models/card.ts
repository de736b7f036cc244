/** A model card: all that must be known to turn pictures into comparable vectors with one ONNX file. */
import { Halt } from '../runtime/errors.ts'

export interface Preprocessing {
  /** The picture's shorter side after resizing, pixels. */
  shortSide: number
  /** Side of the centred square that the model sees, pixels; at most `shortSide`. */
  crop: number
  /** crop: the centred square, as CLIP; squash: the whole picture, brought to a square. */
  fit: 'crop' | 'squash'
  kernel: 'cubic' | 'lanczos3' | 'linear' | 'mitchell'
  /** What a byte is multiplied by before mean and std are applied. */
  scale: number
  /** Per channel, red first. */
  mean: [number, number, number]
  std: [number, number, number]
}

export interface ModelCard {
  /** Names the model in every record; lower-case letters, digits, dots and dashes. */
  id: string
  /** SHA-256 of the ONNX file, hexadecimal. */
  sha256: string
  /** Length of the ONNX file. */
  bytes: number
  input: { name: string; layout: 'NCHW'; size: number }
  output: { name: string }
  preprocessing: Preprocessing
  /** Numbers in a vector. */
  dimensions: number
  /** Cosine from which two assets belong to one topic cluster. */
  clusterThreshold: number
  licence: string
  /** What it can and cannot do, for people. */
  description: string
  /** Where the file can be fetched from. */
  url?: string
}

/** Above any image encoder in use; the cluster stage's codes count in bytes and hold for this many. */
const MAX_DIMENSIONS = 2_048
const MAX_SIDE_PIXELS = 4_096
const MAX_MODEL_BYTES = 2 ** 31 - 1
const KERNELS = ['cubic', 'lanczos3', 'linear', 'mitchell'] as const

/** OpenAI CLIP's own preprocessing (clip/clip.py, `_transform`). */
export const CLIP_PREPROCESSING: Preprocessing = {
  shortSide: 224,
  crop: 224,
  fit: 'crop',
  kernel: 'cubic',
  scale: 1 / 255,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
}

/** Topic threshold for CLIP ViT-B/32: not a duplicate threshold. */
export const CLIP_CLUSTER_THRESHOLD = 0.72

/**
 * Reads a card that somebody wrote. Unknown fields are ignored.
 * @throws Halt `model.card-invalid`, naming every field that is wrong
 */
export function parseCard(json: unknown): ModelCard {
  const problems: string[] = []
  const card = new Fields(json, '', problems)
  const input = card.fields('input')
  const preprocessing = card.fields('preprocessing')
  const parsed: ModelCard = {
    id: card.text('id', (value) => MODEL_ID.test(value)),
    sha256: card.text('sha256', (value) => /^[0-9a-f]{64}$/.test(value)),
    bytes: card.whole('bytes', 1, MAX_MODEL_BYTES),
    input: {
      name: input.text('name'),
      layout: input.text('layout', (value) => value === 'NCHW') as 'NCHW',
      size: input.whole('size', 1, MAX_SIDE_PIXELS),
    },
    output: { name: card.fields('output').text('name') },
    preprocessing: {
      shortSide: preprocessing.whole('shortSide', 1, MAX_SIDE_PIXELS),
      crop: preprocessing.whole('crop', 1, MAX_SIDE_PIXELS),
      fit: preprocessing.has('fit') ? (preprocessing.text('fit', (value) => value === 'crop' || value === 'squash') as Preprocessing['fit']) : 'crop',
      kernel: preprocessing.text('kernel', (value) => (KERNELS as readonly string[]).includes(value)) as Preprocessing['kernel'],
      scale: preprocessing.number('scale', Number.MIN_VALUE, 1),
      mean: preprocessing.triple('mean', -1e6),
      std: preprocessing.triple('std', 1e-6),
    },
    dimensions: card.whole('dimensions', 2, MAX_DIMENSIONS),
    clusterThreshold: card.number('clusterThreshold', 0.01, 1),
    licence: card.text('licence'),
    description: card.text('description'),
    ...(card.has('url') ? { url: card.text('url', (value) => URL.canParse(value)) } : {}),
  }
  if (parsed.preprocessing.crop > parsed.preprocessing.shortSide) problems.push('preprocessing.crop is larger than shortSide')
  if (parsed.preprocessing.crop !== parsed.input.size) problems.push('preprocessing.crop differs from input.size')
  if (problems.length > 0) throw new Halt('model.card-invalid', `The model card is invalid: ${problems.join('; ')}`, 'Correct these fields of the card.')
  return parsed
}

/** An id is also a folder name, so it can hold no separator and does not begin with a dot. */
export const MODEL_ID = /^[a-z0-9][a-z0-9.-]{0,63}$/

/** Fields of an untrusted object; each accessor notes a problem and goes on, so that all are reported together. */
class Fields {
  readonly #object: Record<string, unknown>
  readonly #path: string
  readonly #problems: string[]

  constructor(json: unknown, path: string, problems: string[]) {
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
    if (!isObject) problems.push(`${path || 'the card'} is no object`)
    this.#object = isObject ? (json as Record<string, unknown>) : {}
    this.#path = path
    this.#problems = problems
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name)
  }

  fields(name: string): Fields {
    return new Fields(this.#value(name), this.#name(name), this.#problems)
  }

  text(name: string, accepts: (value: string) => boolean = (value) => value !== ''): string {
    const value = this.#value(name)
    if (typeof value === 'string' && accepts(value)) return value
    this.#problems.push(`${this.#name(name)} is missing or invalid`)
    return ''
  }

  number(name: string, minimum: number, maximum: number): number {
    const value = this.#value(name)
    if (typeof value === 'number' && value >= minimum && value <= maximum) return value
    this.#problems.push(`${this.#name(name)} is no number from ${minimum} to ${maximum}`)
    return minimum
  }

  whole(name: string, minimum: number, maximum: number): number {
    const value = this.number(name, minimum, maximum)
    if (!Number.isInteger(value)) this.#problems.push(`${this.#name(name)} is no whole number`)
    return value
  }

  triple(name: string, minimum: number): [number, number, number] {
    const value = this.#value(name)
    if (Array.isArray(value) && value.length === 3 && value.every((part) => typeof part === 'number' && part >= minimum && part <= 1e6)) {
      return value as [number, number, number]
    }
    this.#problems.push(`${this.#name(name)} is no list of three numbers, each at least ${minimum}`)
    return [0, 0, 0]
  }

  #name(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`
  }

  #value(name: string): unknown {
    return this.has(name) ? this.#object[name] : undefined
  }
}
