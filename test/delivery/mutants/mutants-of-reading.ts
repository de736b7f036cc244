/** Guards between Kafka's client and the loops: what it would deliver that it should not, and what it would leave out. */
import type { Detector, Mutant } from './mutant.ts'

const unit = (name: string): Detector => ({ by: 'test', file: `test/unit/kafka/${name}.test.ts` })

export const READING: readonly Mutant[] = [
  {
    name: 'aborted-filter', guard: 'Aborted records are filtered as Java does, not as kafkajs does (C1)', needed: 'records of overlapping aborted transactions are delivered',
    file: 'runtime/kafka/repairs/aborted-records.ts', seenBy: { by: 'faults', row: 'F2', rounds: 1 },
    find: `
    .sort((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<string>()
  let next = 0
  return messages.filter((message) => {
    while (next`,
    replace: `
  const open = new Set<string>()
  let next = 0
  return messages.filter((message) => {
    if (next`,
  },
  {
    name: 'aborted-overlap', guard: 'The filter enters every aborted transaction that has begun (C1)', needed: 'of several that begin between two records, only one is hidden',
    file: 'runtime/kafka/repairs/aborted-records.ts', seenBy: unit('aborted-records'),
    find: 'while (next < ahead.length && ahead[next]!.firstOffset <= message.offset)', replace: 'if (next < ahead.length && ahead[next]!.firstOffset <= message.offset)',
  },
  {
    name: 'aborted-order', guard: 'The filter sorts aborted transactions by their first offset (C1)', needed: 'one that began first and ended last is seen too late',
    file: 'runtime/kafka/repairs/aborted-records.ts', seenBy: unit('aborted-records'),
    find: '.sort((a, b) => a.firstOffset - b.firstOffset)', replace: '',
  },
  {
    name: 'control-records-only', guard: 'Only control records end a transaction (C2)', needed: 'a user\'s key of four zero bytes uncovers what was aborted',
    file: 'runtime/kafka/repairs/aborted-records.ts', seenBy: { by: 'simulation' },
    find: 'return isControl && key !== null', replace: 'return key !== null',
  },
  {
    name: 'batch-checksum', guard: 'A fetched batch has the checksum that it says (C12)', needed: 'a bit that fell over on the way is taken for a record',
    file: 'runtime/kafka/repairs/record-set.ts', seenBy: unit('record-set'),
    find: 'batch.readUInt32BE(CRC) !== crc32c(batch, ATTRIBUTES)', replace: 'batch.readUInt32BE(CRC) < 0',
  },
  {
    name: 'out-of-range-halts', guard: 'An offset that is out of range ends the consumer (C10)', needed: 'kafkajs jumps over lost records and commits it in the group\'s name',
    file: 'runtime/kafka/repairs/consumer-repairs.ts', seenBy: unit('consumer-repairs'),
    find: 'async recoverFromOffsetOutOfRange(this: ConsumerGroup', replace: 'async neverCalled(this: ConsumerGroup',
  },
  {
    name: 'nothing-lost', guard: 'A start before the oldest record halts the stage (C10)', needed: 'records that were deleted unread are skipped in silence',
    file: 'runtime/kafka/offset-range.ts', seenBy: unit('offset-range'),
    find: 'if (offset < oldest) {', replace: 'if (offset < 0) {',
  },
  {
    name: 'nothing-truncated', guard: 'A start behind the log\'s end halts the stage', needed: 'a topic that was made anew is not read until it has grown as long as the old one',
    file: 'runtime/kafka/offset-range.ts', seenBy: unit('offset-range'),
    find: 'if (offset > end) {', replace: 'if (offset > Infinity) {',
  },
  {
    name: 'removed-tails', guard: 'Reading goes on after a batch\'s last offset (C11)', needed: 'behind a tail that compaction removed, one offset is passed a fetch, or none for ever',
    file: 'runtime/kafka/repairs/fetched-batch.ts', seenBy: unit('fetched-batch'),
    find: 'this.#next = nextOffset ?? Number(fetchedOffset)', replace: 'this.#next = nextOffset === null ? Number(fetchedOffset) : Number(records.at(-1)?.offset ?? fetchedOffset) + 1',
  },
  {
    name: 'batches-at-position', guard: 'A batch counts when it begins at the position', needed: 'a fetch from before a seek or a rebalance is delivered behind it',
    file: 'runtime/kafka/repairs/consumer-repairs.ts', seenBy: unit('consumer-repairs'),
    find: 'return beginsAtPosition(this.consumerGroup, batch) ? handleBatch', replace: 'return beginsAtPosition(this.consumerGroup, batch) || this.running ? handleBatch',
  },
  {
    name: 'listener-ready', guard: 'Nothing is delivered before the listener has said where to start', needed: 'records reach an owner that is still taking over',
    file: 'runtime/kafka/source.ts', seenBy: unit('source'),
    find: 'if (this.#begun !== this.#held || isStale()', replace: 'if (isStale()',
  },
  {
    name: 'new-member-new-owner', guard: 'A member that was taken for dead gives up all it held', needed: 'it goes on with a state that another owner has moved on from',
    file: 'runtime/kafka/source.ts', seenBy: unit('source'),
    find: 'memberId !== this.#memberId || ', replace: '',
  },
  {
    name: 'heard-lately', guard: 'A partition is held for half a session after the last heartbeat', needed: 'a member that was cut off believes itself an owner',
    file: 'runtime/kafka/membership.ts', seenBy: unit('membership'),
    find: '<= this.#trustMs', replace: '<= Infinity',
  },
  {
    name: 'held-between-generations', guard: 'Nothing is held while the group rebalances', needed: 'a member commits for a partition that is being given away',
    file: 'runtime/kafka/membership.ts', seenBy: unit('membership'),
    find: 'this.#assigned.clear()', replace: '',
  },
  {
    name: 'same-partitions', guard: 'Input and changelog have the same partitions', needed: 'keys move away from their state',
    file: 'runtime/kafka/start-checks.ts', seenBy: unit('start-checks'),
    find: 'if (inputs !== entries) {', replace: 'if (inputs < 0) {',
  },
]
