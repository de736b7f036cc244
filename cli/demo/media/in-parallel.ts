/** Runs jobs, at most `bound` at a time; results keep the order of the jobs. The first failure stops the rest from starting. */
export async function inParallel<T>(jobs: readonly (() => Promise<T>)[], bound: number, signal: AbortSignal): Promise<T[]> {
  const results: T[] = new Array<T>(jobs.length)
  let next = 0
  let failed = false
  const worker = async (): Promise<void> => {
    while (next < jobs.length && !failed) {
      signal.throwIfAborted()
      const index = next++
      try {
        results[index] = await jobs[index]!()
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: Math.min(bound, jobs.length) }, worker))
  for (const ended of workers) if (ended.status === 'rejected') throw ended.reason
  return results
}
