/** The sink from a filled topic to committed rows, against what else writes rows into Postgres. */
import type { Bench } from './result.ts'
import { installConnect } from './sink/connect/install.ts'
import { measureSubject } from './sink/measure.ts'
import { narrowRow } from './sink/narrow-row.ts'
import { measureMemory } from './sink/memory.ts'
import { openGround } from './sink/ground.ts'
import { realRow } from './sink/real-row.ts'

/** Eight commits and more: the first gathers with nothing to store, and the last is stored with nothing to gather. */
const REAL = { rows: 600_000, connectRows: 240_000 }
const NARROW = { rows: 2_000_000, connectRows: 1_000_000 }
/** The whole load is so many times as large. */
const IN_FULL = 3

export const sink: Bench = {
  name: 'sink',
  about: 'Rows a second from a filled topic to their commits, one process, profile raid5; against psql\'s COPY of the same bytes, Kafka Connect with Debezium\'s JDBC sink, and INSERT of many rows.',
  async run({ full }) {
    const programs = await installConnect()
    const ground = await openGround()
    const times = full ? IN_FULL : 1
    try {
      const real = await measureSubject({ ground, programs, subject: realRow, rows: REAL.rows * times, connectRows: REAL.connectRows * times })
      const memory = await measureMemory(ground, realRow, REAL.rows * times, real.peakRssBytes)
      const narrow = await measureSubject({ ground, programs, subject: narrowRow, rows: NARROW.rows * times, connectRows: NARROW.connectRows * times })
      const parts = [real, memory, narrow]
      return { verified: parts.every(({ verified }) => verified), metrics: parts.flatMap(({ metrics }) => metrics), notes: [...NOTES, ...parts.flatMap(({ notes }) => notes)] }
    } finally {
      await ground.close()
    }
  },
}

const NOTES = [
  'Broker, registry, Postgres, the sink and its peers share the machine\'s cores; they run one after the other, each into new tables after a checkpoint. Every table is compared with the values that it was made of (count and sum of digests).',
  'Real row: stills with a 512-number vector, hashes and ten tags, into asset and asset_detail. Narrow row: four columns, no key, and nothing announced. Six partitions, zstd.',
  'The sink: `sluice run store` in a process of its own, from the moment when the first tenth was taken in to the last commit, announcements of what was stored included as far as they fall into that time. It is told to stop when the last record is taken in, so that the last commit does not wait for company.',
  'rows_per_cpu_s counts the processor time of all threads of the process to its end, last announcements included; for Kafka Connect that of its worker.',
  'COPY: psql from binary files of the very tuples that the sink wrote, in their order and in commits of the same rows, into the open segment; the better of two. It reads no Kafka, decodes and encodes nothing.',
  'INSERT: node-postgres, 1,000 rows a prepared statement with parameters, commits of as many rows as the sink\'s; rows are made before the time is taken.',
  'Kafka Connect: standalone, one sink with one task and with two, the faster counts; 2 GiB heap, polls and batches of 5,000, reWriteBatchedInserts, plain inserts; a third of the rows warms it up. Its topic holds flat records with just the columns of the first table (Debezium\'s sink takes no nested ones): no detail table, tags coded already, vectors as the same bytes into a bytea. A reduction buffer would reduce nothing where no key comes twice.',
  'connect_ratio and flat_…: our sink from that very topic into that very table, which has no key for it, announcing nothing, as Connect announces nothing.',
]
