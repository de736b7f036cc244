/** Reason codes of the runtime itself. A stage's own are in its `codes.ts`. Codes are never renamed or used again. */
export const CODES = {
  'record.no-key': 'The record has no key, so it belongs to no asset. Produce it with the asset id as key.',
  'record.no-value': 'The record has no value. Tombstones mean nothing on this topic.',
  'record.bad-magic': 'The value is not in the Confluent wire format (a zero byte, a schema id, an Avro body).',
  'record.unknown-schema': 'The registry does not know the schema id that the value names.',
  'record.incompatible-schema': 'The value was written with a schema that this topic cannot read.',
  'record.undecodable': 'The value is not what its schema says: cut short, too long or damaged.',
  'record.key-mismatch': 'The key is not the asset id that the value carries.',
  'record.too-big': 'The output is larger than its topic takes.',
  'record.invalid-output': 'The stage made a value that its own schema refuses. This is a defect of the stage.',
  'runtime.deadline': 'The handler did not end in time, on every attempt.',
  'runtime.unclassified': 'The handler failed in a way that it does not know, on every attempt. This is a defect of the stage.',
  'runtime.undeclared-output': 'The handler returned a record for a topic that it does not declare. This is a defect of the stage.',
  'registry.unreachable': 'The schema registry did not answer.',
  'kafka.unreachable': 'The broker did not answer.',
  'registry.not-enforcing': 'The schema registry takes schemas that old records cannot be read with; use one that enforces compatibility.',
  'topics.refused': 'A change of topics or schemas would lose records or make them unreadable, so nothing was changed.',
  'kafka.refused': 'The broker refuses to take records: the topic is missing, or this principal may not write to it.',
  'task.in-doubt': 'Whether a transaction took place is not known; the partition is taken over again, and what the broker says counts.',
  'task.fenced': 'Another process has taken the partition over.',
  'task.not-held': 'A rebalance is under way, or the group\'s coordinator was not heard from: the partition may be another member\'s.',
  'state.ahead-of-position': 'The state of a stage remembers records that lie beyond the group\'s position: its offsets were reset or have expired.',
  'kafka.send-timeout': 'The broker did not acknowledge in time.',
} as const

export type RuntimeCode = keyof typeof CODES
