/**
 * What a sink wants of the server's settings, and why. One rule a line of thought; each holds for itself.
 *
 * The costs are those of a sink that appends: on a RAID5 of four disks a write that is no full stripe is two reads and
 * two writes, so what splits or repeats writes counts more than bytes do. Meanings and defaults:
 * https://www.postgresql.org/docs/18/runtime-config.html
 */
import type { ServerSetting } from './server-facts.ts'
import { amountOf, parseAmount } from './setting-amounts.ts'

/** As SLUICE_SINK_PROFILE names them. */
export type Profile = 'latency' | 'raid5'

/**
 * `error`: a promise of the sink does not hold. `warning`: it costs writes, or the sink cannot work as it is. `note`:
 * worth knowing, and it may be meant.
 */
export type Severity = 'error' | 'warning' | 'note'

export interface Rule {
  setting: string
  /** By profile; where one is absent the rule does not hold. */
  severity: Partial<Record<Profile, Severity>>
  isMet(setting: ServerSetting): boolean
  /** For people: `at least 30min`. */
  wanted: string
  /** To be set; for a choice, the best that the server has. */
  advised: string | ((setting: ServerSetting) => string)
  /** One sentence: what the present value costs. */
  why: string
  /** For what no statement changes; one sentence. */
  remedy?: string
}

type Amiss = Pick<Rule, 'severity' | 'why' | 'remedy'>
const always = (severity: Severity): Rule['severity'] => ({ latency: severity, raid5: severity })

function oneOf(setting: string, [advised, ...others]: [string, ...string[]], rest: Amiss): Rule {
  const allowed = [advised, ...others]
  return { ...rest, setting, wanted: allowed.join(' or '), advised, isMet: ({ value }) => allowed.includes(value) }
}

function atLeast(setting: string, least: string, rest: Amiss): Rule {
  return { ...rest, setting, wanted: `at least ${least}`, advised: least, isMet: (given) => amountOf(given) >= parseAmount(least) }
}

/** 0 switches it off. */
function offOrAtLeast(setting: string, least: string, advised: string, rest: Amiss): Rule {
  const isMet = (given: ServerSetting): boolean => amountOf(given) <= 0 || amountOf(given) >= parseAmount(least)
  return { ...rest, setting, wanted: `0 or at least ${least}`, advised, isMet }
}

/** The sink says `asset.stored`, and moves its offsets, on the strength of these. */
const PROMISES: Rule[] = [
  oneOf('fsync', ['on'], {
    severity: always('error'), why: 'After a crash of the machine the database may be damaged beyond repair, with all rows that were announced as stored.',
  }),
  oneOf('full_page_writes', ['on'], {
    severity: always('error'),
    why: 'A page that was half written in a power failure cannot be repaired; only a file system that never tears 8 kB (ZFS, for one) makes it needless.',
  }),
  oneOf('synchronous_commit', ['on', 'remote_apply', 'remote_write', 'local'], {
    severity: always('error'), why: 'A crash of the server forgets commits of which `asset.stored` has already told; with one commit for thousands of rows it saves nothing.',
  }),
  oneOf('data_sync_retry', ['off'], {
    severity: always('error'), why: 'After a disk has refused a write, the next attempt may succeed without having written what was lost.',
  }),
  oneOf('zero_damaged_pages', ['off'], { severity: always('error'), why: 'A damaged page becomes an empty one, and its rows are gone without an error.' }),
  oneOf('ignore_checksum_failure', ['off'], { severity: always('error'), why: 'Damaged pages are read, and copied on, as if they were whole.' }),
]

/** Where the sink works badly or not at all, and says something else. */
const OBSTACLES: Rule[] = [
  oneOf('in_hot_standby', ['off'], {
    severity: always('warning'), why: 'This server is a standby, which takes no rows: the sink waits until it is promoted.',
    remedy: 'Promote it, or let DATABASE_URL name the primary.',
  }),
  oneOf('default_transaction_read_only', ['off'], { severity: always('warning'), why: 'Every commit of the sink is refused, and tried again for ever.' }),
  oneOf('server_encoding', ['UTF8'], {
    severity: always('warning'), why: 'Rows with characters that this encoding lacks are refused.',
    remedy: "Make a new database with `create database … encoding 'UTF8' template template0`, and let DATABASE_URL name it.",
  }),
  offOrAtLeast('transaction_timeout', '120s', '0', {
    severity: always('warning'), why: 'A large commit may take longer; it would be cut off and tried again for ever.',
  }),
  oneOf('autovacuum', ['on'], {
    severity: always('warning'), why: 'Nobody analyses new rows, so lookups read whole tables, and nobody prevents the transaction ids from running out.',
  }),
  oneOf('track_counts', ['on'], { severity: always('warning'), why: 'Autovacuum does not learn of new rows without it, so they are never analysed, and lookups read whole tables.' }),
]

/** Bytes and requests that rows do not need. */
const WRITES: Rule[] = [
  atLeast('checkpoint_timeout', '30min', {
    severity: { raid5: 'warning' }, why: 'After each checkpoint the first change of a page logs the whole page, and each checkpoint writes the same edges of tables and indexes again.',
  }),
  atLeast('checkpoint_timeout', '15min', { severity: { latency: 'note' }, why: 'After each checkpoint the first change of a page logs the whole page.' }),
  atLeast('max_wal_size', '32GB', {
    severity: { raid5: 'warning' }, why: 'Rows at full speed fill it before the checkpoint is due, so checkpoints come early; it is room on the disk of the WAL.',
  }),
  atLeast('max_wal_size', '4GB', { severity: { latency: 'note' }, why: 'Rows at full speed fill it within a minute, and each time a checkpoint comes early.' }),
  atLeast('min_wal_size', '4GB', {
    severity: { raid5: 'note' }, why: 'After a quiet hour files of the WAL are removed; each new one is first filled with zeros, so its bytes are written twice.',
  }),
  atLeast('wal_buffers', '64MB', {
    severity: { raid5: 'warning' }, why: 'The WAL of a large commit does not fit and is written in pieces, each a stripe that is not full.',
  }),
  atLeast('wal_writer_delay', '10s', {
    severity: { raid5: 'warning' },
    why: 'The WAL of a commit under way is written piece by piece, each a stripe that is not full; programs that commit asynchronously lose up to three times this on a crash.',
  }),
  atLeast('wal_writer_flush_after', '64MB', {
    severity: { raid5: 'warning' }, why: 'The WAL of a commit under way is flushed each time this much is written, and a flush ends a stripe early.',
  }),
  offOrAtLeast('checkpoint_flush_after', '2MB', '2MB', {
    severity: { raid5: 'warning' }, why: 'A checkpoint hands its pages to the disks in pieces that are smaller than a stripe of large chunks.',
  }),
  oneOf('wal_sync_method', ['fdatasync', 'fsync', 'fsync_writethrough'], {
    severity: { raid5: 'warning' }, why: 'Each write of the WAL waits for the disks by itself instead of once a commit.',
  }),
  {
    setting: 'wal_compression', severity: { latency: 'note', raid5: 'warning' }, wanted: 'lz4, or what the server has',
    isMet: ({ value }) => value !== 'off',
    advised: ({ choices }) => ['lz4', 'zstd', 'pglz'].find((choice) => choices?.includes(choice)) ?? 'on',
    why: 'Whole pages are logged uncompressed.',
  },
  oneOf('wal_recycle', ['on'], { severity: { raid5: 'note' }, why: 'Each file of the WAL is made anew; right on a copy-on-write file system only.' }),
  oneOf('wal_init_zero', ['on'], { severity: { raid5: 'note' }, why: 'The file system allots the WAL while commits wait, and journals it; right on a copy-on-write file system only.' }),
  oneOf('wal_log_hints', ['off'], {
    severity: { latency: 'note', raid5: 'warning' }, why: 'The first reader of a page after a checkpoint makes the server log the whole page; pg_rewind needs it where checksums are off.',
  }),
  offOrAtLeast('archive_timeout', '600s', '0', {
    severity: { latency: 'note', raid5: 'warning' }, why: 'Each time it passes after a commit, a file of the WAL is closed, 16 MB as a rule, however little is in it.',
  }),
  oneOf('archive_mode', ['off'], { severity: { raid5: 'note' }, why: 'The WAL is written a second time, by the archive; keep it on other disks.' }),
  {
    setting: 'wal_level', severity: { raid5: 'note' }, wanted: 'minimal', advised: 'minimal', isMet: ({ value }) => value === 'minimal',
    why: 'Rows that are stored as a segment of their own are written twice, to the WAL as well; minimal spares that where neither replicas nor point-in-time recovery are wanted.',
    remedy: "As a superuser run `alter system set wal_level = 'minimal'` and `alter system set max_wal_senders = 0`, see that archive_mode is off, then restart the server.",
  },
  oneOf('track_commit_timestamp', ['off'], { severity: { raid5: 'note' }, why: 'Each commit changes one more page.' }),
  oneOf('log_statement', ['none', 'ddl'], { severity: { raid5: 'note' }, why: 'Each statement of the sink is a line in the server\'s log, which is a write too.' }),
  atLeast('shared_buffers', '1GB', {
    severity: { raid5: 'note' }, why: 'Pages at the growing edges of indexes may be pushed out and written more than once between two checkpoints.',
  }),
]

/** Neither promises nor writes. */
const REST: Rule[] = [
  oneOf('jit', ['off'], { severity: always('note'), why: 'A search that reads many rows may spend more time on being compiled than on running.' }),
  oneOf('data_checksums', ['on'], {
    severity: always('note'), why: 'A page that a disk has garbled is read as if it were right.',
    remedy: 'Stop the server and run `pg_checksums --enable -D` with its data folder.',
  }),
  {
    setting: 'autovacuum_vacuum_insert_threshold', severity: always('note'), wanted: 'not -1', advised: '1000',
    isMet: ({ value }) => value !== '-1',
    why: 'New rows are frozen only when their age forces it, all tables at once.',
  },
]

/** In the order in which one would repair: promises, then what hinders, then what costs. */
export const RULES: readonly Rule[] = [...PROMISES, ...OBSTACLES, ...WRITES, ...REST]
