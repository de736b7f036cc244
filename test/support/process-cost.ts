/** What a process costs, as Linux counts it (proc(5)). */
import { readFileSync, readdirSync } from 'node:fs'

/** Clock ticks a second; fixed at 100 in Linux's interface to programs. */
const TICKS_PER_SECOND = 100

/** User and system seconds of a process, the children that it waited for, and those that run. Looks at every process. */
export function cpuSecondsOf(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + cpuSecondsOf(child), ownCpuSecondsOf(pid))
}

/** As `cpuSecondsOf`, without the children that run; one file is read. 0 when the process is gone. */
export function ownCpuSecondsOf(pid: number): number {
  return (statOf(pid) ?? []).slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / TICKS_PER_SECOND
}

/** Resident bytes of a process without its children; 0 when it is gone. */
export function rssBytesOf(pid: number): number {
  try {
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return Number(found?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** Fields of /proc/PID/stat from the third on; undefined when the process is gone. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((other) => statOf(other)?.[1] === String(pid))
}
