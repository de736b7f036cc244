/** What is measured: a kind of row with its topic and its tables, told once for our sink and all its peers. */
import type { Topic } from '#runtime/api.ts'
import type { Topology } from '#runtime/define/topology.ts'

/** Numbers of tag names, as the sink gave them. */
export type TagNumbers = ReadonlyMap<string, number>

/**
 * How a value is held by JavaScript: `uuid` and `text` as strings, `bytes` and `halfvec` as buffers, the latter in the form
 * that Postgres' `halfvec_send` gives, `time` as Unix milliseconds, the others as numbers.
 */
export type Kind = 'int' | 'long' | 'float' | 'double' | 'boolean' | 'text' | 'uuid' | 'bytes' | 'halfvec' | 'time'

export type Value = string | number | boolean | Buffer | null

export interface Column {
  name: string
  kind: Kind
  /** The value in the row that is made of value number `n`. */
  of(n: number, tags: TagNumbers): Value
  nullable?: boolean
  /** Told by where a record lies: differs between two topics with the same values. */
  isPlace?: boolean
}

export interface Table {
  name: string
  /** Where other programs than our sink are to write; the table itself when absent. */
  open?: string
  columns: Column[]
}

/** Past the partitioned table, whose routing costs time. */
export function openTable({ name, open = name }: Table): string {
  return open
}

export interface Subject {
  name: string
  topology: Topology
  /** What our sink reads. */
  topic: Topic
  valueOf(n: number): unknown
  /** Where our sink announces what it has stored; absent when it announces nothing. */
  announced?: string
  /** The program, and its arguments, that runs our sink by its environment's settings. */
  program: string[]
  /** Tables of an empty database. */
  prepare(databaseUrl: string): Promise<void>
  /** Each gets one tuple a row. */
  tables: [Table, ...Table[]]
  /** The numbers of tags in a database that our sink has filled. */
  tagNumbers(databaseUrl: string): Promise<TagNumbers>
}
