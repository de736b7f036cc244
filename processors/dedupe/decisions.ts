/** What was decided about every asset, compactly enough for millions: 39 bytes each and the slot of its id. */
import { jsonPart, type SnapshotParts } from '#runtime/api.ts'
import { textOf, wordsOf } from './asset-id.ts'
import { bytes, doubles, floats, integers, shorts } from './column.ts'
import { KeyTable } from './key-table.ts'

export const RELATIONS = ['original', 'same-bytes', 'same-picture', 'near-copy'] as const
export type Relation = typeof RELATIONS[number]

/** A decision, with its original by number. */
export interface Decision {
  relation: Relation
  /** Number of the original; an original's own. */
  original: number
  distance: number | null
  evidence: string
  matched: number | null
  timeOffsetMicros: number | null
}

/** In one part of a snapshot. */
const SENTENCES_PER_PART = 10_000

export class Decisions {
  readonly #ids = new KeyTable(4)
  readonly #relations = bytes()
  readonly #originals = integers()
  /** -1 for none. */
  readonly #distances = shorts()
  readonly #evidences = integers()
  /** NaN for none. */
  readonly #shares = floats()
  /** NaN for none. */
  readonly #offsets = doubles()
  /** Sentences repeat: there are some thousands of them, for any number of assets. */
  readonly #sentences: string[] = []
  readonly #sentenceNumbers = new Map<string, number>()

  get count(): number {
    return this.#ids.size
  }

  get bytes(): number {
    return this.#tables().reduce((sum, part) => sum + part.bytes, 0) + this.#sentences.length * 128
  }

  *parts(): Iterable<ArrayBufferView> {
    for (const table of this.#tables()) yield* table.parts()
    yield jsonPart(this.#sentences.length)
    for (let at = 0; at < this.#sentences.length; at += SENTENCES_PER_PART) yield jsonPart(this.#sentences.slice(at, at + SENTENCES_PER_PART))
  }

  /** Into an empty table. */
  async restore(parts: SnapshotParts): Promise<void> {
    for (const table of this.#tables()) await table.restore(parts)
    const sentences = (await parts.json()) as number
    while (this.#sentences.length < sentences) for (const sentence of (await parts.json()) as string[]) this.#numberOf(sentence)
  }

  /** @throws Reject `dedupe.bad-asset-id` */
  find(assetId: string): number | undefined {
    return this.#ids.find(wordsOf(assetId))
  }

  add(assetId: string, decision: Decision): void {
    this.#ids.add(wordsOf(assetId))
    this.#relations.push(RELATIONS.indexOf(decision.relation))
    this.#originals.push(decision.original)
    this.#distances.push(decision.distance ?? -1)
    this.#evidences.push(this.#numberOf(decision.evidence))
    this.#shares.push(decision.matched ?? Number.NaN)
    this.#offsets.push(decision.timeOffsetMicros ?? Number.NaN)
  }

  assetIdOf(asset: number): string {
    return textOf(this.#ids.keyAt(asset))
  }

  get(asset: number): Decision {
    const distance = this.#distances.get(asset)
    return {
      relation: RELATIONS[this.#relations.get(asset)]!,
      original: this.#originals.get(asset),
      distance: distance < 0 ? null : distance,
      evidence: this.#sentences[this.#evidences.get(asset)]!,
      matched: orNull(this.#shares.get(asset)),
      timeOffsetMicros: orNull(this.#offsets.get(asset)),
    }
  }

  #tables() {
    return [this.#ids, this.#relations, this.#originals, this.#distances, this.#evidences, this.#shares, this.#offsets]
  }

  #numberOf(sentence: string): number {
    const known = this.#sentenceNumbers.get(sentence)
    if (known !== undefined) return known
    this.#sentenceNumbers.set(sentence, this.#sentences.length)
    return this.#sentences.push(sentence) - 1
  }
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}
