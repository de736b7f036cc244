/** How the garbage collector treats a process that holds many buffers. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '#runtime/clock.ts'

/** By how much buffers may grow before the heap is marked. */
const GROWTH_BYTES = 256 << 20

const LOOK_MS = 250

/**
 * By default V8 marks the whole heap anew each time the buffers outside of it have grown by 64 MB. A sink that holds a
 * large batch spends more time on that than on its rows, and left to the growth of the heap its memory would triple; so
 * the heap is marked for every 256 MB.
 */
export function markHeapLessOften(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString('--expose-gc')
  const mark = runInNewContext('gc') as (options: { type: 'major'; execution: 'async' }) => Promise<void>
  let [leftBytes, marking] = [0, false]
  systemClock.every(LOOK_MS, () => {
    const { external } = process.memoryUsage()
    // What a marking found to be free is given back little by little.
    leftBytes = Math.min(leftBytes, external)
    if (marking || external < leftBytes + GROWTH_BYTES) return
    marking = true
    void mark({ type: 'major', execution: 'async' }).then(() => {
      leftBytes = process.memoryUsage().external
      marking = false
    })
  })
}
