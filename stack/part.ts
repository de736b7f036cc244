/** What the stack consists of. */
export const PARTS = ['kafka', 'registry', 'postgres'] as const
export type Part = (typeof PARTS)[number]

/** How people know each part. */
export const TITLES: Readonly<Record<Part, string>> = { kafka: 'Kafka', registry: 'Schema registry', postgres: 'Postgres' }
