/** What the stack consists of. */
export const PARTS = ['kafka', 'registry', 'postgres'] as const
export type Part = (typeof PARTS)[number]

/** How people know each part. */
export const TITLES: Readonly<Record<Part, string>> = { kafka: 'Kafka', registry: 'Schema registry', postgres: 'Postgres' }

/** Something that takes long enough to be told to a person. */
export interface Progress {
  /** What is worked on: a part's name, or that of a tool. */
  part: string
  step: 'install' | 'start' | 'ready' | 'stop'
  /** One line for people. */
  note: string
}
