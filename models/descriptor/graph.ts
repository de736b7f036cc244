/**
 * The built-in picture descriptor as an ONNX graph: no learnt weights, only classical features of how a picture looks.
 *
 *   layout   192  8 x 8 grid of brightness (centred) and of two opponent colours (compare MPEG-7 Color Layout)
 *   edges    256  gradient energy in 8 directions over a 4 x 4 grid, at a fine and a coarse scale (compare HOG, MPEG-7 EHD)
 *   texture   16  the same energy over the whole picture, wherever it lies
 *   palette   48  soft histograms: 16 of brightness, 32 of colour, square root taken (Hellinger)
 *
 * Each group is brought to length one (weak groups to less, so that noise is not blown up), weighted, joined, and the
 * whole is brought to length one.
 */
import { Graph, type Value } from '../onnx/graph.ts'

/** Input: [N, 3, 224, 224], RGB from 0 to 1. Output: [N, 512], length one. */
export const DESCRIPTOR = { input: 'pixels', output: 'descriptor', size: 224, dimensions: 512 } as const

export interface GroupWeights {
  brightnessLayout: number
  colourLayout: number
  fineEdges: number
  coarseEdges: number
  texture: number
  brightnessPalette: number
  colourPalette: number
}

/** Found on photographs and drawn pictures: near copies stay above 0.95, families part best (test/quality/embed). */
export const WEIGHTS: GroupWeights = {
  brightnessLayout: 0.5, colourLayout: 0.7, fineEdges: 0.4, coarseEdges: 0.4, texture: 0.8, brightnessPalette: 0.5, colourPalette: 1,
}

const DIRECTIONS = 8
const BRIGHTNESS_BINS = 16

/** The model file; the same weights give the same bytes. */
export function buildDescriptor(weights: GroupWeights = WEIGHTS): Buffer {
  const graph = new Graph('descriptor-512')
  const pixels = graph.input(DESCRIPTOR.input, ['batch', 3, DESCRIPTOR.size, DESCRIPTOR.size])
  const half = graph.apply('AveragePool', [opponent(graph, pixels)], { kernel_shape: [2, 2], strides: [2, 2] })
  const [brightness, colour] = [channels(graph, half, 0, 1), channels(graph, half, 1, 3)]
  const coarse = pool(graph, brightness, 4)
  const groups = [
    group(graph, centred(graph, pool(graph, brightness, 14)), weights.brightnessLayout, 0.15),
    group(graph, pool(graph, colour, 14), weights.colourLayout, 0.3),
    group(graph, centred(graph, edges(graph, brightness, 28)), weights.fineEdges, 0.02),
    group(graph, centred(graph, edges(graph, coarse, 7)), weights.coarseEdges, 0.04),
    group(graph, edges(graph, brightness, 112), weights.texture / Math.SQRT2, 0.02),
    group(graph, edges(graph, coarse, 28), weights.texture / Math.SQRT2, 0.04),
    group(graph, brightnessPalette(graph, brightness), weights.brightnessPalette, 0),
    group(graph, colourPalette(graph, colour), weights.colourPalette, 0),
  ]
  const joined = unit(graph, graph.apply('Concat', groups, { axis: 1 }), 0)
  graph.output(DESCRIPTOR.output, joined, ['batch', DESCRIPTOR.dimensions])
  return graph.toBytes('Colour layout, edge directions and palettes of a picture: how it looks, not what it means.')
}

/** Brightness (Rec. 601), red against green, yellow against blue. */
function opponent(graph: Graph, pixels: Value): Value {
  const matrix = graph.floats([3, 3, 1, 1], [0.299, 0.587, 0.114, 1, -1, 0, 0.5, 0.5, -1])
  return graph.apply('Conv', [pixels, matrix])
}

function channels(graph: Graph, planes: Value, from: number, to: number): Value {
  return graph.apply('Slice', [planes, graph.integers([from]), graph.integers([to]), graph.integers([1])])
}

function pool(graph: Graph, planes: Value, side: number): Value {
  return graph.apply('AveragePool', [planes], { kernel_shape: [side, side], strides: [side, side] })
}

function centred(graph: Graph, planes: Value): Value {
  return graph.apply('Sub', [planes, graph.apply('ReduceMean', [planes], { axes: [1, 2, 3], keepdims: 1 })])
}

/** Root of the mean squared derivative per direction and square cell. */
function edges(graph: Graph, brightness: Value, cell: number): Value {
  const slopes = graph.apply('Conv', [brightness, orientedFilters(graph)], { pads: [0, 0, 0, 0] })
  const padded = graph.apply('Pad', [slopes, graph.integers([0, 0, 2, 2, 0, 0, 2, 2])])
  const energy = pool(graph, graph.apply('Mul', [padded, padded]), cell)
  return graph.apply('Sqrt', [energy])
}

/**
 * Second-order steerable-like filters, 5 x 5: the derivative of a Gaussian (sigma 1 px) along a direction, narrowed
 * across it by an elongated envelope, so that neighbouring directions overlap little.
 */
function orientedFilters(graph: Graph): Value {
  const numbers: number[] = []
  for (let k = 0; k < DIRECTIONS; k++) numbers.push(...orientedFilter((k * Math.PI) / DIRECTIONS))
  return graph.floats([DIRECTIONS, 1, 5, 5], numbers)
}

function orientedFilter(angle: number): number[] {
  const taps: number[] = []
  for (let y = -2; y <= 2; y++) {
    for (let x = -2; x <= 2; x++) {
      const across = x * Math.cos(angle) + y * Math.sin(angle)
      const along = y * Math.cos(angle) - x * Math.sin(angle)
      taps.push(-across * Math.exp(-(across ** 2) / 2 - along ** 2 / 8))
    }
  }
  const gain = taps.reduce((sum, tap) => sum + Math.abs(tap), 0) / 2
  return taps.map((tap) => rounded(tap / gain))
}

/** Trigonometry may differ in the last place between machines; the file's bytes may not. */
function rounded(number: number): number {
  return Math.round(number * 1e5) / 1e5
}

/** Share of pixels near each of 16 levels; a pixel between two levels counts for both. */
function brightnessPalette(graph: Graph, brightness: Value): Value {
  const bins = Array.from({ length: BRIGHTNESS_BINS }, (_, i) => i)
  const slope = graph.floats([BRIGHTNESS_BINS, 1, 1, 1], bins.map(() => BRIGHTNESS_BINS - 1))
  const offset = graph.floats([BRIGHTNESS_BINS], bins.map((i) => -i))
  const distance = graph.apply('Abs', [graph.apply('Conv', [brightness, slope, offset])])
  return histogram(graph, distance)
}

/** Share of pixels near each of 32 anchors in the plane of opponent colours. */
function colourPalette(graph: Graph, colour: Value): Value {
  const squares = graph.apply('ReduceSum', [graph.apply('Mul', [colour, colour]), graph.integers([1])], { keepdims: 1 })
  const planes = graph.apply('Concat', [colour, squares], { axis: 1 })
  const anchors = colourAnchors()
  const rows = anchors.flatMap(([u, v, reach]) => [(-2 * u) / reach ** 2, (-2 * v) / reach ** 2, 1 / reach ** 2].map(rounded))
  const offsets = anchors.map(([u, v, reach]) => rounded((u ** 2 + v ** 2) / reach ** 2))
  const distance = graph.apply('Conv', [planes, graph.floats([anchors.length, 3, 1, 1], rows), graph.floats([anchors.length], offsets)])
  return histogram(graph, distance)
}

/** Rings of hues, denser towards grey where most pixels are: [u, v, reach], as shares of full saturation. */
function colourAnchors(): [number, number, number][] {
  const rings = [
    { radius: 0, hues: 1, reach: 0.07 }, { radius: 0.08, hues: 5, reach: 0.1 }, { radius: 0.2, hues: 8, reach: 0.15 },
    { radius: 0.42, hues: 9, reach: 0.27 }, { radius: 0.8, hues: 9, reach: 0.5 },
  ]
  return rings.flatMap(({ radius, hues, reach }) =>
    Array.from({ length: hues }, (_, k): [number, number, number] => {
      const angle = (2 * Math.PI * k) / hues
      return [radius * Math.cos(angle), radius * Math.sin(angle), reach]
    }))
}

function histogram(graph: Graph, distance: Value): Value {
  const nearness = graph.apply('Relu', [graph.apply('Sub', [graph.scalar(1), distance])])
  return graph.apply('Sqrt', [graph.apply('GlobalAveragePool', [nearness])])
}

/** Flat, of length `weight` when its length is well above `floor`. */
function group(graph: Graph, planes: Value, weight: number, floor: number): Value {
  return graph.apply('Mul', [unit(graph, graph.apply('Flatten', [planes], { axis: 1 }), floor), graph.scalar(weight)])
}

/** x / sqrt(|x|^2 + floor^2), never dividing by zero. */
function unit(graph: Graph, vector: Value, floor: number): Value {
  const square = graph.apply('ReduceSum', [graph.apply('Mul', [vector, vector]), graph.integers([1])], { keepdims: 1 })
  const length = graph.apply('Sqrt', [graph.apply('Add', [square, graph.scalar(floor ** 2 + 1e-12)])])
  return graph.apply('Div', [vector, length])
}

