/** The processes of a server, and what they asked to have written (proc(5)). */
import { readFileSync, readdirSync } from 'node:fs'
import { reasonOf } from '#runtime/errors.ts'
import type { Layers, ProcessWrites } from '../layers.ts'

type Counted = Layers['processes']

/** A process and its children; the servers' children have none. */
export function processTree(pid: number): number[] {
  return [pid, ...readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((other) => parentOf(other) === pid)]
}

/**
 * Of the process, its children, and those that ended: the kernel adds the counts of a child to its parent's when the parent
 * has waited for it.
 */
function writesOf(pid: number): ProcessWrites {
  const counts = processTree(pid).map((each) => parseIo(readFileSync(`/proc/${each}/io`, 'latin1')))
  return counts.reduce((sum, each) => combined(sum, each, 1))
}

/** Of the server and the broker, since they started. */
export function readProcesses(serverPid: number, brokerPid: number | undefined): Counted {
  try {
    return { postgres: writesOf(serverPid), ...(brokerPid === undefined ? {} : { kafka: writesOf(brokerPid) }) }
  } catch (error) {
    return { absent: reasonOf(error) }
  }
}

export function processesBetween(before: Counted, after: Counted): Counted {
  if ('absent' in before) return before
  if ('absent' in after) return after
  const postgres = writesBetween(before.postgres, after.postgres)
  return before.kafka && after.kafka ? { postgres, kafka: writesBetween(before.kafka, after.kafka) } : { postgres }
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
