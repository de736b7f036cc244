/** Lines of a trace of block events, as trace_pipe prints them. */
import type { BlockEvent } from '../block-event.ts'

export interface TraceLine {
  /** Before merging (`block_bio_queue`), or after it (`block_rq_issue`). */
  stage: 'bio' | 'request'
  /** `7:3` */
  device: string
  event: BlockEvent
}

/**
 * `dd-71 [001] ..... 12.345678: block_bio_queue: 7,2 WS 266240 + 4096 [dd]`, and for requests with bytes and a command
 * between: `7,2 WS 1310720 () 266240 + 2560 be,0,4 [dd]`. A task's name may hold anything, but with its 15 bytes not the
 * name of an event and what belongs to it.
 */
const LINE = /(\d+)\.(\d{6}): block_(bio_queue|rq_issue): (\d+),(\d+) ([A-Z]+) (?:\d+ \([^)]*\) )?(\d+) \+ (\d+) /

/** Undefined when the line is no block event: headers, and notes on lost events. */
export function parseTraceLine(line: string): TraceLine | undefined {
  const found = LINE.exec(line)
  if (found === null) return undefined
  const [, seconds, micros, name, major, minor, flags, sector, sectors] = found
  const timeUs = Number(seconds) * 1_000_000 + Number(micros)
  return {
    stage: name === 'bio_queue' ? 'bio' : 'request',
    device: `${major}:${minor}`,
    event: { timeUs, sector: Number(sector), sectors: Number(sectors), ...parseFlags(flags ?? '', Number(sectors)) },
  }
}

type Flags = Pick<BlockEvent, 'kind' | 'fua' | 'preflush'>

const KINDS: Readonly<Record<string, BlockEvent['kind']>> = { R: 'read', W: 'write', D: 'discard', F: 'flush', N: 'write' }

/**
 * `rwbs` as the kernel's blk_fill_rwbs writes it: F for a flush before, the operation, then F for FUA, A for read-ahead, S,
 * M. `N` is REQ_OP_WRITE_ZEROES: a RAID5 does not offer that, and its file system would write the zeros.
 * @throws Error on operations of zoned devices
 */
export function parseFlags(rwbs: string, sectors: number): Flags {
  const preflush = rwbs.length > 1 && rwbs[0] === 'F' && rwbs[1]! in KINDS
  const operation = rwbs[preflush ? 1 : 0] ?? ''
  const kind = KINDS[operation]
  if (kind === undefined) throw new Error(`not an operation of a plain block device: ${rwbs}`)
  const fua = rwbs.includes('F', preflush ? 2 : 1)
  return { kind: kind === 'write' && sectors === 0 ? 'flush' : kind, fua, preflush }
}
