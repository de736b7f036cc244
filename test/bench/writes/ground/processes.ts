/** The processes of a server, and what they asked to have written (proc(5)). */
import { readFileSync, readdirSync } from 'node:fs'
import type { ProcessWrites } from '../layers.ts'

/** A process and its children; the servers' children have none. */
export function processTree(pid: number): number[] {
  return [pid, ...readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((other) => parentOf(other) === pid)]
}

/**
 * Of the process, its children, and those that ended: the kernel adds the counts of a child to its parent's when the parent
 * has waited for it.
 */
export function writesOf(pid: number): ProcessWrites {
  const counts = processTree(pid).map((each) => parseIo(readFileSync(`/proc/${each}/io`, 'latin1')))
  return counts.reduce((sum, each) => combined(sum, each, 1))
}

export function writesBetween(before: ProcessWrites, after: ProcessWrites): ProcessWrites {
  return combined(after, before, -1)
}

function combined(a: ProcessWrites, b: ProcessWrites, sign: 1 | -1): ProcessWrites {
  return { dirtiedBytes: a.dirtiedBytes + sign * b.dirtiedBytes, callBytes: a.callBytes + sign * b.callBytes, readBytes: a.readBytes + sign * b.readBytes }
}

/** /proc/PID/io */
export function parseIo(text: string): ProcessWrites {
  const field = (name: string): number => {
    const value = new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]
    if (value === undefined) throw new Error(`no ${name} in the counts of a process`)
    return Number(value)
  }
  return { dirtiedBytes: field('write_bytes') - field('cancelled_write_bytes'), callBytes: field('wchar'), readBytes: field('read_bytes') }
}

function parentOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined // ended since
  }
}
