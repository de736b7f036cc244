/** The log files of the parts, each with one predecessor, bounded in size. */
import { copyFileSync, existsSync, mkdirSync, openSync, closeSync, readSync, renameSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { lastLines } from './command.ts'

/** 32 MiB: a day of a noisy broker; two files a part. */
const LIMIT_BYTES = 32 * 2 ** 20
/** How much of a log's end is looked at for its last lines. */
const TAIL_BYTES = 64 * 1024

export function logPath(dir: string, name: string): string {
  return join(dir, 'logs', `${name}.log`)
}

/** Puts the last run's log aside as `<name>.log.1`. */
export function rotate(dir: string, name: string): void {
  const path = logPath(dir, name)
  mkdirSync(join(dir, 'logs'), { recursive: true })
  if (existsSync(path) && statSync(path).size > 0) renameSync(path, `${path}.1`)
}

/**
 * Moves what a running part has written aside when it is too much. The part keeps its file open: since it was opened
 * for appending, its next line goes to the new beginning. Lines written in between are lost.
 */
export function bound(dir: string, name: string, limitBytes = LIMIT_BYTES): void {
  const path = logPath(dir, name)
  if (!existsSync(path) || statSync(path).size <= limitBytes) return
  copyFileSync(path, `${path}.1`)
  truncateSync(path, 0)
}

/** A descriptor to append to the log, to be closed by the caller. */
export function openLog(dir: string, name: string): number {
  mkdirSync(join(dir, 'logs'), { recursive: true })
  return openSync(logPath(dir, name), 'a')
}

/** The last lines of a log; empty when there is none. */
export function tail(dir: string, name: string, lines = 50): string {
  const path = logPath(dir, name)
  if (!existsSync(path)) return ''
  const size = statSync(path).size
  const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES))
  const file = openSync(path, 'r')
  try {
    readSync(file, buffer, 0, buffer.length, size - buffer.length)
  } finally {
    closeSync(file)
  }
  return lastLines(buffer.toString('utf8'), lines)
}
