/** Near copies of pictures. */
import type { SnapshotParts } from '#runtime/api.ts'
import { FrameIndex, type Look, type NearFrame } from './frame-index.ts'

export class Stills {
  readonly index: FrameIndex

  constructor(segmentBits?: number) {
    this.index = new FrameIndex(segmentBits)
  }

  add(look: Look, owner: number): void {
    this.index.add(look, owner)
  }

  parts(): Iterable<ArrayBufferView> {
    return this.index.parts()
  }

  /** Into an empty index. */
  restore(parts: SnapshotParts): Promise<void> {
    return this.index.restore(parts)
  }

  /** The original nearest by PDQ, then by blockhash; of equal ones the earliest. */
  nearest(look: Look): NearFrame | undefined {
    return this.index.near(look).sort((a, b) => a.pdq - b.pdq || a.blockhash - b.blockhash || a.owner - b.owner)[0]
  }
}
