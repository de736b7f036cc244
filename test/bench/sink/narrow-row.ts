/** A narrow row: four columns, no key. It shows what a record and a row cost by themselves. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onServer } from '#test/support/database.ts'
import { STARTED_MS } from './assets.ts'
import { narrowTopology, readingTaken, type Reading } from './narrow-sink.ts'
import type { Subject } from './subject.ts'

const SENSORS = 1_000
const UNITS = ['celsius', 'hectopascal', 'percent', 'lux']

/** The tables of progress and failures, which every sink's store needs. */
const BOOKS = join(import.meta.dirname, '..', '..', '..', 'migrations', '0002-failures-and-progress.sql')

function readingOf(n: number): Reading {
  return { sensor: n % SENSORS, unit: UNITS[n % UNITS.length]!, value: n / 8, at: STARTED_MS + n }
}

export const narrowRow: Subject = {
  name: 'narrow',
  topology: narrowTopology,
  topic: readingTaken,
  valueOf: readingOf,
  program: [join(import.meta.dirname, 'narrow-program.ts')],
  async prepare(databaseUrl) {
    await onServer(databaseUrl, readFileSync(BOOKS, 'utf8'))
    await onServer(databaseUrl, 'create table reading (sensor bigint not null, value double precision not null, at timestamptz not null, unit text not null)')
  },
  tables: [{
    name: 'reading',
    columns: [
      { name: 'sensor', kind: 'long', of: (n) => readingOf(n).sensor },
      { name: 'value', kind: 'double', of: (n) => readingOf(n).value },
      { name: 'at', kind: 'time', of: (n) => readingOf(n).at },
      { name: 'unit', kind: 'text', of: (n) => readingOf(n).unit },
    ],
  }],
  tagNumbers: () => Promise.resolve(new Map()),
}
