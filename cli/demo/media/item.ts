/** What is submitted, and what must become of it: the ground truth that the demo checks itself against. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Painters } from './painters.ts'

export type Expectation =
  /**
   * `relation` 'copy' is met by any but 'original'. Without `relation` both are right: `of` then names the original
   * that the item was made from, near the limit of what counts as a copy.
   */
  | { outcome: 'stored'; relation?: 'original' | 'same-bytes' | 'same-picture' | 'near-copy' | 'copy'; of?: string }
  | { outcome: 'failed'; code: string }

export interface ClaimedTag {
  name: string
  confidence: number
}

export interface DemoItem {
  /** File name; unique in the set. */
  name: string
  uri: string
  /** Absent where there is no such file. */
  path?: string
  kind: 'image' | 'video' | 'audio' | 'broken'
  /** What it shows; items of one family look alike to an embedding and differ to a duplicate search. Null for sounds and broken files. */
  family: string | null
  /** How it was made, a few words for people. */
  note: string
  expect: Expectation
  tags: ClaimedTag[]
}

export interface Workshop {
  dir: string
  seed: string
  signal: AbortSignal
  paint: Painters['paint']
  /** Writes a file of the set; resolves to what identifies it. */
  save(name: string, bytes: Uint8Array): Promise<{ name: string; path: string; uri: string }>
}

export function openWorkshop(place: Omit<Workshop, 'save'>, onSaved: (name: string) => void): Workshop {
  const { dir, signal } = place
  return {
    ...place,
    async save(name, bytes) {
      signal.throwIfAborted()
      const path = join(dir, name)
      await writeFile(path, bytes, { signal })
      onSaved(name)
      return { name, path, uri: pathToFileURL(path).href }
    },
  }
}
