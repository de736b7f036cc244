/** Guards between Kafka's client and the loops: what it would deliver that it should not, and leave out. */
import type { Mutant } from './mutant.ts'

const ABORTED = { by: 'test', file: 'test/unit/kafka/aborted-records.test.ts' } as const

export const READING: readonly Mutant[] = [
  {
    name: 'aborted-overlap', guard: 'The filter enters every aborted transaction that has begun (C1)', needed: 'records of overlapping aborted transactions are delivered',
    file: 'runtime/kafka/aborted-records.ts', seenBy: ABORTED,
    find: 'while (next < ahead.length && ahead[next]!.firstOffset <= offset)', replace: 'if (next < ahead.length && ahead[next]!.firstOffset <= offset)',
  },
  {
    name: 'aborted-order', guard: 'The filter sorts aborted transactions by their first offset (C1)', needed: 'records of overlapping aborted transactions are delivered',
    file: 'runtime/kafka/aborted-records.ts', seenBy: ABORTED,
    find: 'a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0', replace: '0',
  },
  {
    name: 'control-records-only', guard: 'Only control records end a transaction (C2)', needed: 'a user\'s key of four zero bytes uncovers what was aborted',
    file: 'runtime/kafka/aborted-records.ts', seenBy: ABORTED,
    find: 'isControlRecord === true && key !== null', replace: 'isControlRecord !== null && key !== null',
  },
]
