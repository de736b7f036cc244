/**
 * Near copies of videos and animations, as sets of key frames: the idea of vPDQ (facebook/ThreatExchange, folder vpdq).
 * Frames of too little detail (black, white, plain titles) take no part, so that a black intro matches nothing.
 */
import { jsonPart, type SnapshotParts } from '#runtime/api.ts'
import { doubles, type Column } from './column.ts'
import { FrameIndex, type Look } from './frame-index.ts'
import { isNear } from './nearness.ts'

export interface FilmFrame extends Look {
  ptsMicros: number
}

export interface Film {
  frames: FilmFrame[]
  durationMicros: number | null
}

export interface FilmMatch {
  owner: number
  /** Frames of the asked film that the original has, and the reverse. */
  found: number
  of: number
  foundBack: number
  ofBack: number
  /** The larger of both shares: a trimmed copy has all of its frames in the original, an extended one all of the original's. */
  share: number
  /** Mean PDQ distance of matched frames. */
  pdq: number
  /** Median of (time in the original - time in the copy). */
  timeOffsetMicros: number
  /** Whether both end at the same moment once shifted by the offset. */
  endTogether: boolean
}

/** A shared intro or title must not make two films copies; two films of one source share at least this much. */
const MIN_SHARE = 0.6
/** One frame in common, a title perhaps, proves little unless the films also end together. */
const MIN_FRAMES = 2
/** Playing time counts the longer of picture and sound, which re-encoders pad or drop. */
const SAME_MOMENT_MICROS = 500_000
/** Originals compared in full: those with the most near frames. */
const MAX_CANDIDATES = 16
/** Bounds one comparison; normalize chooses fewer. */
const MAX_FRAMES = 128

/** Films in one part of a snapshot, four numbers each. */
const FILMS_PER_PART = 16_384
const FILM_NUMBERS = 4

/** First and last frame's number in the index. */
interface Known {
  first: number
  last: number
  durationMicros: number | null
}

interface Pair {
  pdq: number
  offsetMicros: number
}

export class Films {
  readonly index: FrameIndex
  readonly #times: Column<Float64Array> = doubles()
  readonly #known = new Map<number, Known>()

  constructor(segmentBits?: number) {
    this.index = new FrameIndex(segmentBits)
  }

  add({ frames, durationMicros }: Film, owner: number): void {
    if (frames.length === 0) return
    const first = this.index.size
    for (const frame of frames.slice(0, MAX_FRAMES)) {
      this.index.add(frame, owner)
      this.#times.push(frame.ptsMicros)
    }
    this.#known.set(owner, { first, last: this.index.size - 1, durationMicros })
  }

  /** The original with the largest share; of equal ones the nearest by PDQ, then the earliest. */
  nearest(asked: Film): FilmMatch | undefined {
    const film = { ...asked, frames: asked.frames.slice(0, MAX_FRAMES) }
    return this.#candidates(film.frames)
      .map((owner) => this.#compare(film, owner))
      .filter(isCopy)
      .sort((a, b) => b.share - a.share || a.pdq - b.pdq || a.owner - b.owner)[0]
  }

  *parts(): Iterable<ArrayBufferView> {
    yield* this.index.parts()
    yield* this.#times.parts()
    yield jsonPart(this.#known.size)
    const numbers = new Float64Array(FILMS_PER_PART * FILM_NUMBERS)
    let films = 0
    for (const [owner, { first, last, durationMicros }] of this.#known) {
      numbers.set([owner, first, last, durationMicros ?? Number.NaN], films++ * FILM_NUMBERS)
      if (films < FILMS_PER_PART) continue
      yield numbers
      films = 0
    }
    if (films > 0) yield numbers.subarray(0, films * FILM_NUMBERS)
  }

  /** Into an empty index. */
  async restore(parts: SnapshotParts): Promise<void> {
    await this.index.restore(parts)
    await this.#times.restore(parts)
    for (let films = (await parts.json()) as number; films > 0; films -= FILMS_PER_PART) {
      const numbers = new Float64Array(Math.min(films, FILMS_PER_PART) * FILM_NUMBERS)
      await parts.into(numbers)
      for (let at = 0; at < numbers.length; at += FILM_NUMBERS) {
        const [owner, first, last, duration] = numbers.subarray(at, at + FILM_NUMBERS)
        this.#known.set(owner!, { first: first!, last: last!, durationMicros: Number.isNaN(duration) ? null : duration! })
      }
    }
  }

  /** Owners by how many of the frames are near one of theirs, most first. */
  #candidates(frames: FilmFrame[]): number[] {
    const counts = new Map<number, number>()
    for (const frame of frames) {
      for (const owner of new Set(this.index.near(frame).map((near) => near.owner))) counts.set(owner, (counts.get(owner) ?? 0) + 1)
    }
    return [...counts].sort(([a, m], [b, n]) => n - m || a - b).slice(0, MAX_CANDIDATES).map(([owner]) => owner)
  }

  #compare({ frames, durationMicros }: Film, owner: number): FilmMatch {
    const known = this.#known.get(owner)!
    const back = new Set<number>()
    const pairs = frames.flatMap((frame) => this.#bestPair(frame, known, back) ?? [])
    const [of, ofBack] = [frames.length, known.last - known.first + 1]
    const timeOffsetMicros = median(pairs.map((pair) => pair.offsetMicros))
    return {
      owner, found: pairs.length, of, foundBack: back.size, ofBack, timeOffsetMicros,
      share: Math.max(pairs.length / of, back.size / ofBack),
      pdq: Math.round(pairs.reduce((sum, pair) => sum + pair.pdq, 0) / Math.max(1, pairs.length)),
      endTogether: durationMicros !== null && known.durationMicros !== null
        && Math.abs(durationMicros + timeOffsetMicros - known.durationMicros) <= SAME_MOMENT_MICROS,
    }
  }

  /** The nearest frame of the original, and into `back` every near one; of equal ones that at the most similar time. */
  #bestPair(frame: FilmFrame, { first, last }: Known, back: Set<number>): Pair | undefined {
    let best: Pair | undefined
    for (let item = first; item <= last; item++) {
      const distances = this.index.distances(frame, item)
      if (!isNear(distances)) continue
      back.add(item)
      const pair = { pdq: distances.pdq, offsetMicros: this.#times.get(item) - frame.ptsMicros }
      if (!best || pair.pdq < best.pdq || (pair.pdq === best.pdq && Math.abs(pair.offsetMicros) < Math.abs(best.offsetMicros))) best = pair
    }
    return best
  }
}

function isCopy({ share, found, foundBack, endTogether }: FilmMatch): boolean {
  return share >= MIN_SHARE && Math.min(found, foundBack) >= (endTogether ? 1 : MIN_FRAMES)
}

/** The lower of two middle values, so that the result is one that was measured. */
function median(values: number[]): number {
  return values.sort((a, b) => a - b)[(values.length - 1) >> 1] ?? 0
}
