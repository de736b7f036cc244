/** How the garbage collector treats a process that holds many buffers. */
import { setFlagsFromString } from 'node:v8'

/**
 * By default V8 marks the whole heap anew each time buffers outside of it have grown by 64 MB. A sink that holds a large
 * batch spends more time on that than on its rows; counted as part of the heap, buffers start a marking in proportion
 * to what is there.
 */
export function countBuffersAsHeap(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString('--heap-growing-percent=300')
}
