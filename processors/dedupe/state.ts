/** All that dedupe knows, rebuilt by applying its changelog in order. */
import { Halt, jsonPart, type SnapshotParts, type State } from '#runtime/api.ts'
import type { DedupeDecided } from '#schemas'
import { codeOf } from './code.ts'
import { Decisions, RELATIONS, type Decision, type Relation } from './decisions.ts'
import { Films } from './films.ts'
import { MIN_QUALITY } from './nearness.ts'
import { Originals } from './originals.ts'
import { Sounds } from './sounds.ts'
import { Stills } from './stills.ts'

export interface KnownHashes {
  ptsMicros: number
  blockhash: Uint8Array
  pdq: Uint8Array
  quality: number
}

export class DedupeState implements State<DedupeDecided> {
  readonly decisions = new Decisions()
  readonly originals = new Originals()
  readonly stills = new Stills()
  readonly films = new Films()
  readonly sounds = new Sounds()
  #lastSequence = 0

  get nextSequence(): number {
    return this.#lastSequence + 1
  }

  /**
   * An entry of an asset that is known already changes nothing. Nothing of the entry is kept but copies.
   * @throws Halt `dedupe.broken-changelog`
   */
  apply(entry: DedupeDecided): void {
    if (this.decisions.find(entry.assetId) !== undefined) return
    const relation = relationOf(entry)
    const original = relation === 'original' ? this.#learn(entry) : this.#originalNamed(entry)
    const { distance, evidence, matched, timeOffsetMicros } = entry
    this.decisions.add(entry.assetId, { relation, original, distance, evidence, matched, timeOffsetMicros })
    this.#lastSequence = Math.max(this.#lastSequence, entry.sequence)
  }

  /** What was decided about an asset; undefined when it is new. */
  recall(assetId: string): Decision | undefined {
    const asset = this.decisions.find(assetId)
    return asset === undefined ? undefined : this.decisions.get(asset)
  }

  assetIdOf(original: number): string {
    return this.decisions.assetIdOf(this.originals.assetOf(original))
  }

  /** For telemetry and benchmarks. */
  stats() {
    const parts = { decisions: this.decisions, originals: this.originals, stills: this.stills.index, films: this.films.index, sounds: this.sounds }
    const bytes = Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.bytes]))
    return {
      assets: this.decisions.count,
      originals: this.originals.count,
      bytes,
      scansForSkew: this.stills.index.scansForSkew + this.films.index.scansForSkew,
      soundLookupsCutShort: this.sounds.postings.cutShort,
    }
  }

  /** All of it, for `restore`: some 350 bytes for each original picture. */
  *parts(): Iterable<ArrayBufferView> {
    yield jsonPart(this.#lastSequence)
    for (const table of this.#tables()) yield* table.parts()
  }

  static async restore(parts: SnapshotParts): Promise<DedupeState> {
    const state = new DedupeState()
    state.#lastSequence = (await parts.json()) as number
    for (const table of state.#tables()) await table.restore(parts)
    return state
  }

  #tables() {
    return [this.decisions, this.originals, this.stills, this.films, this.sounds]
  }

  /** The original's number. */
  #learn(entry: DedupeDecided): number {
    const original = this.originals.add(entry, this.decisions.count)
    const looks = telling(entry.frames)
    if (isFilm(entry)) this.films.add({ frames: looks, durationMicros: entry.durationMicros }, original)
    else looks.forEach((look) => this.stills.add(look, original))
    if (entry.acoustic) this.sounds.add(entry.acoustic, original)
    return original
  }

  #originalNamed({ assetId, of }: DedupeDecided): number {
    const known = of === null ? undefined : this.recall(of)
    if (known?.relation !== 'original') throw broken(`${assetId} is a copy of ${of}, which is no original here`)
    return known.original
  }
}

/** Frames with enough detail to be recognised, as words of their own. */
export function telling(frames: KnownHashes[]) {
  return frames.filter((frame) => frame.quality >= MIN_QUALITY)
    .map(({ ptsMicros, blockhash, pdq }) => ({ ptsMicros, blockhash: codeOf(blockhash), pdq: codeOf(pdq) }))
}

/** Videos and animations are compared as sets of frames, whichever container they come in. */
export function isFilm({ kind, frames }: { kind: string; frames: unknown[] }): boolean {
  return kind === 'video' || frames.length > 1
}

function relationOf({ assetId, relation }: DedupeDecided): Relation {
  const known = RELATIONS.find((name) => name === relation)
  if (!known) throw broken(`${assetId} has the relation "${relation}", which this version does not know`)
  return known
}

function broken(reason: string): Halt {
  return new Halt('dedupe.broken-changelog', reason,
    'Restore the topic dedupe.decided, or empty it and replay asset.fingerprinted from its beginning.')
}
