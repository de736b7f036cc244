/**
 * Near copies of sounds: Chromaprints aligned at the offset where their words agree best (the way of AcoustID's
 * matcher). Candidates come from equal words, so a search costs what matches, not what is known.
 */
import { jsonPart, type SnapshotParts } from '#runtime/api.ts'
import { popcount } from './code.ts'
import { PostingTable, scatter } from './posting-table.ts'

export interface SoundMatch {
  owner: number
  /** Words compared, of about an eighth of a second each. */
  overlap: number
  /** Differing bits per 1,000. */
  errors: number
  /** Overlap as a share of the shorter print. */
  share: number
  /** Where in the original the copy begins. */
  timeOffsetMicros: number
}

/** Chromaprint's step: a third of 4,096 samples at 11,025 Hz. */
export const WORD_MICROS = (4096 / 3 / 11_025) * 1e6
/** Measured: re-encodings differ in 0 to 32 bits of 1,000, through a telephone in up to 117; different tunes in 330 or more. */
const MAX_ERRORS = 150
/** Three seconds: over fewer words, different tunes come as near as 270. */
const MIN_OVERLAP = 24
const MIN_SHARE = 0.5
/**
 * Bits that change from word to word, on average: tunes 4.3 or more, white noise 1.8, tones and silence 0. Prints of
 * steady sounds resemble each other whatever was recorded.
 */
const MIN_CHANGE = 2.5
/** Words indexed of each print, chosen by their value so that copies choose the same ones. */
const INDEXED_WORDS = 128
/** Alignments compared bit by bit. */
const MAX_ALIGNMENTS = 32
/** Two minutes, as fingerprint makes it; bounds the comparison. */
const MAX_WORDS = 1_024

/** Prints in one part of a snapshot: at most a megabyte. */
const PRINTS_PER_PART = 256

interface Alignment {
  owner: number
  /** Words of the original before the copy begins. */
  offset: number
  votes: number
}

export class Sounds {
  readonly postings = new PostingTable()
  readonly #prints = new Map<number, Uint32Array>()
  #printBytes = 0

  get bytes(): number {
    return this.postings.bytes + this.#printBytes
  }

  add(acoustic: Uint8Array, owner: number): void {
    const print = printOf(acoustic)
    if (!isTelling(print)) return
    this.#prints.set(owner, print)
    this.#printBytes += print.byteLength
    for (const position of sampled(print)) this.postings.add(print[position]!, owner, position)
  }

  /** The original with the fewest errors; of equal ones the earliest. */
  nearest(acoustic: Uint8Array): SoundMatch | undefined {
    const print = printOf(acoustic)
    if (!isTelling(print)) return undefined
    return this.#alignments(print)
      .map((alignment) => compare(print, this.#prints.get(alignment.owner)!, alignment))
      .filter((match) => match.errors <= MAX_ERRORS && match.overlap >= MIN_OVERLAP && match.share >= MIN_SHARE)
      .sort((a, b) => a.errors - b.errors || a.owner - b.owner || b.overlap - a.overlap)[0]
  }

  *parts(): Iterable<ArrayBufferView> {
    yield* this.postings.parts()
    yield jsonPart(this.#prints.size)
    let some: [owner: number, print: Uint32Array][] = []
    for (const one of this.#prints) {
      some.push(one)
      if (some.length < PRINTS_PER_PART) continue
      yield* partsOfPrints(some)
      some = []
    }
    if (some.length > 0) yield* partsOfPrints(some)
  }

  /** Into an empty index. */
  async restore(parts: SnapshotParts): Promise<void> {
    await this.postings.restore(parts)
    for (let prints = (await parts.json()) as number; prints > 0; prints -= PRINTS_PER_PART) {
      const heads = new Uint32Array(Math.min(prints, PRINTS_PER_PART) * 2)
      await parts.into(heads)
      const words = new Uint32Array(heads.reduce((sum, head, at) => sum + (at % 2) * head, 0))
      await parts.into(words)
      this.#share(words, heads)
    }
  }

  /** Gives each print its words. */
  #share(words: Uint32Array, heads: Uint32Array): void {
    let from = 0
    for (let at = 0; at < heads.length; at += 2) {
      const print = words.slice(from, from + heads[at + 1]!)
      this.#prints.set(heads[at]!, print)
      this.#printBytes += print.byteLength
      from += print.length
    }
  }

  /** Offsets by how many equal words they bring together, most first. */
  #alignments(print: Uint32Array): Alignment[] {
    const votes = new Map<string, Alignment>()
    print.forEach((word, position) => {
      for (const { owner, position: known } of this.postings.find(word)) {
        const offset = known - position
        const alignment = votes.get(`${owner} ${offset}`) ?? { owner, offset, votes: 0 }
        alignment.votes++
        votes.set(`${owner} ${offset}`, alignment)
      }
    })
    return [...votes.values()]
      .sort((a, b) => b.votes - a.votes || a.owner - b.owner || a.offset - b.offset).slice(0, MAX_ALIGNMENTS)
  }
}

/** Owner and length of each, then the words of all. */
function partsOfPrints(prints: [owner: number, print: Uint32Array][]): ArrayBufferView[] {
  const words = new Uint32Array(prints.reduce((sum, [, print]) => sum + print.length, 0))
  let at = 0
  for (const [, print] of prints) {
    words.set(print, at)
    at += print.length
  }
  return [Uint32Array.from(prints.flatMap(([owner, print]) => [owner, print.length])), words]
}

function compare(copy: Uint32Array, original: Uint32Array, { owner, offset }: Alignment): SoundMatch {
  const from = Math.max(0, -offset)
  const to = Math.min(copy.length, original.length - offset)
  let bits = 0
  for (let at = from; at < to; at++) bits += popcount(copy[at]! ^ original[at + offset]!)
  const overlap = to - from
  return {
    owner, overlap,
    errors: Math.round((bits * 1000) / (overlap * 32)),
    share: overlap / Math.min(copy.length, original.length),
    timeOffsetMicros: Math.round(offset * WORD_MICROS),
  }
}

/** A copy, which does not keep the record's buffer alive. */
function printOf(acoustic: Uint8Array): Uint32Array {
  const view = new DataView(acoustic.buffer, acoustic.byteOffset, acoustic.byteLength)
  const length = Math.min(MAX_WORDS, acoustic.byteLength >> 2)
  return Uint32Array.from({ length }, (_, word) => view.getUint32(word * 4, true))
}

function isTelling(print: Uint32Array): boolean {
  let changes = 0
  for (let at = 1; at < print.length; at++) changes += popcount(print[at]! ^ print[at - 1]!)
  return print.length >= MIN_OVERLAP && changes >= MIN_CHANGE * (print.length - 1)
}

/** Positions of the words with the smallest scattered values. */
function sampled(print: Uint32Array): number[] {
  return Array.from(print.keys()).sort((a, b) => scatter(print[a]!) - scatter(print[b]!) || a - b).slice(0, INDEXED_WORDS)
}
