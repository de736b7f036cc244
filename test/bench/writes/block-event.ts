/** What a block device was asked to do, as the kernel queued it (`block:block_bio_queue`): before merging, as md would get it. */
export interface BlockEvent {
  /** Microseconds on the trace's clock; never decreasing within a device. */
  timeUs: number
  /** `discard` frees sectors; `flush` is an empty flush. */
  kind: 'read' | 'write' | 'flush' | 'discard'
  /** In units of 512 bytes. */
  sector: number
  sectors: number
  /** The write must be on the medium when it completes (REQ_FUA). */
  fua: boolean
  /** The device's cache is flushed before the write (REQ_PREFLUSH). */
  preflush: boolean
}

export const SECTOR_BYTES = 512
