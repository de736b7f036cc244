/** Reason codes of the stage. */
export const CODES = {
  'store.refused-row': 'Postgres refused the row for what it holds. The reason quotes its message; mend the record at its source and submit it again.',
  'store.bad-asset-id': 'The asset id is no UUID. Give ids by the client, or by any UUIDv7 library.',
  'store.unstorable-text': 'A text holds the character NUL, which Postgres cannot store. Remove it at the source.',
  'store.bad-vector': 'The vector has another length than its dimensions say, or more than fit into a page (3,500). Look at the model card.',
  'store.unknown-kind': 'The kind, relation or tag origin is none that this version knows. Upgrade the sink before the stages before it.',
} as const
