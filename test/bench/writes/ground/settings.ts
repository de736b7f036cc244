/** The server's and the broker's settings on the ground. */

const KIB = 1024
const MIB = 1024 * KIB

/**
 * For a server that writes in bulk to RAID5: few checkpoints (each makes the next change of every page log the whole
 * page), and flushes no smaller than a stripe. Everything is durable. `pglz` since this build has no lz4. Autovacuum is off
 * because it comes when it likes: what it would do belongs into a window's `settle`.
 */
export const RAID5_SETTINGS: Readonly<Record<string, string | number>> = {
  shared_buffers: '1GB',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  wal_compression: 'pglz',
  wal_buffers: '64MB',
  wal_writer_delay: '10s',
  wal_writer_flush_after: '64MB',
  checkpoint_timeout: '1h',
  checkpoint_flush_after: '2MB',
  autovacuum: 'off',
}

/**
 * Bounds of pg_wal for its device: half of it, since the server may go beyond `max_wal_size` while a checkpoint is under way.
 * `wal_keep_size` lets pg_waldump read what a checkpoint has just made superfluous.
 */
export function walBounds(walBytes: number, poolBytes: number): Record<string, string> {
  const maxBytes = Math.max(32 * MIB, Math.min(32 * 1024 * MIB, Math.floor(walBytes / 2)))
  return {
    max_wal_size: megabytes(maxBytes),
    min_wal_size: megabytes(Math.min(maxBytes, Math.max(32 * MIB, poolBytes))),
    wal_keep_size: '256MB',
  }
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / MIB)}MB`
}

/**
 * An idle broker writes all the same, by the clock: no-op records twice a second, checkpoint files every 5 and 60 s. That
 * is a cost of time and not of an asset, and would leave no window quiet; so on the ground it comes once an hour.
 */
export const QUIET_BROKER: Readonly<Record<string, string | number>> = {
  'metadata.max.idle.interval.ms': 0,
  'log.initial.task.delay.ms': 3_600_000,
  'replica.high.watermark.checkpoint.interval.ms': 3_600_000,
  'log.flush.offset.checkpoint.interval.ms': 3_600_000,
  'log.flush.start.offset.checkpoint.interval.ms': 3_600_000,
}
