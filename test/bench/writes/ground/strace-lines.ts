/** Lines of `strace -f -y -s 0`: which call on which file, and how many bytes. */

export interface SystemCall { name: string; path: string; bytes: number }

/** With one process to trace there is no `[pid N] `. */
const LINE = /^(?:\[pid +(\d+)\] )?(.*)$/
const BEGUN = /^(\w+)\((.*)$/
const UNFINISHED = / <unfinished \.\.\.>$/
const RESUMED = /^<\.\.\. \w+ resumed>(.*)$/
const RESULT = /\) += (-?\d+)(?: [A-Z].*)?$/

/** Which argument holds the bytes of a call that does not return them. */
const LENGTH_ARGUMENT: Readonly<Record<string, number>> = { sync_file_range: 2, fallocate: 3 }
const WRITES: ReadonlySet<string> = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'])

/** All that are counted. */
export const CALLS = [...WRITES, ...Object.keys(LENGTH_ARGUMENT), 'fdatasync', 'fsync']

/** A reader of lines. A call that another thread interrupts is told in two lines, and counted at the second. */
export function callReader(): (line: string) => SystemCall | undefined {
  const begun = new Map<string, string>()
  return (line) => {
    const [, pid = '', text = ''] = LINE.exec(line) ?? []
    if (UNFINISHED.test(text)) {
      begun.set(pid, text.replace(UNFINISHED, ''))
      return undefined
    }
    const end = RESUMED.exec(text)?.[1]
    if (end === undefined) return parseCall(text)
    const whole = (begun.get(pid) ?? '') + end
    begun.delete(pid)
    return parseCall(whole)
  }
}

/** `pwrite64(7</data/base/5/1259>, ""..., 8192, 0) = 8192`; undefined for what is no call, or one that did not end. */
function parseCall(text: string): SystemCall | undefined {
  const [, name, rest] = BEGUN.exec(text) ?? []
  const result = RESULT.exec(text)?.[1]
  if (name === undefined || rest === undefined || result === undefined || !CALLS.includes(name)) return undefined
  const path = /^\d+<([^>]*)>/.exec(rest)?.[1] ?? ''
  return { name, path, bytes: Math.max(0, bytesOf(name, rest, Number(result))) }
}

/** A failed call has no bytes. */
function bytesOf(name: string, rest: string, result: number): number {
  if (result < 0) return 0
  const argument = LENGTH_ARGUMENT[name]
  if (argument !== undefined) return Number.parseInt(rest.split(', ')[argument] ?? '', 10) || 0
  return WRITES.has(name) ? result : 0
}
