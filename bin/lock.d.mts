export interface LockOptions {
  /** Called once when another process holds the lock. */
  onWait?: () => void
  /** A lock that was not refreshed for so long is taken over. */
  staleMs?: number
  /** Gives up with an error after so long. */
  waitMs?: number
}
export function withLock<T>(folder: string, work: () => Promise<T>, options?: LockOptions): Promise<T>
