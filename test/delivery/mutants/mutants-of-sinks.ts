/** Guards of the sink: one owner, one place for progress and rows, letters and announcements that cannot be forgotten. */
import type { Mutant } from './mutant.ts'

const STORE = { by: 'test', file: 'test/integration/store.test.ts', needsStack: true } as const
const SEGMENTS = { by: 'test', file: 'test/integration/segments.test.ts', needsStack: true } as const
const SIMULATION = { by: 'simulation' } as const
const STRIKES = { by: 'sink', strikes: 42 } as const
const LOOP = { by: 'test', file: 'test/unit/sink/sink-loop.test.ts' } as const

export const SINK: readonly Mutant[] = [
  {
    name: 'owner-epoch', guard: 'The sink\'s commit asks whether its claim is the latest', needed: 'a zombie stores rows behind its successor\'s back',
    file: 'runtime/postgres/progress.ts', seenBy: STORE,
    find: 'held.get(partitionKey(each))?.owner_epoch !== this.#epochs.get(partitionKey(each)) || ', replace: '',
  },
  {
    name: 'progress-equality', guard: 'The sink\'s commit begins where the last one ended', needed: 'a batch is stored twice, or progress goes back',
    file: 'runtime/postgres/progress.ts', seenBy: STORE,
    find: 'if (off) throw', replace: 'if (off && Date.now() === 0) throw',
  },
  {
    name: 'claim-after-doubt', guard: 'A commit in doubt leads to a new claim', needed: 'the sink guesses, and goes wrong one way or the other',
    file: 'runtime/loop/sink-storing.ts', seenBy: LOOP,
    find: 'if (inDoubt) await claimAgain()', replace: '',
  },
  {
    name: 'doubt-is-no-success', guard: 'A commit in doubt is not taken for one that happened', needed: 'rows that were never stored are announced, and skipped',
    file: 'runtime/loop/sink-storing.ts', seenBy: STRIKES,
    find: 'if (inDoubt) await claimAgain()', replace: 'if (inDoubt) return taken',
  },
  {
    name: 'owner-epoch-under-fire', guard: 'The sink\'s commit asks whether its claim is the latest', needed: 'a sink that a rival has replaced goes on committing',
    file: 'runtime/postgres/progress.ts', seenBy: STRIKES,
    find: 'held.get(partitionKey(each))?.owner_epoch !== this.#epochs.get(partitionKey(each)) || ', replace: '',
  },
  {
    name: 'stored-is-not-due', guard: 'What the claim shows to be stored is not stored again', needed: 'progress goes back to an earlier batch, and rows are written twice',
    file: 'runtime/loop/sink-commit.ts', seenBy: LOOP,
    find: 'record.offset >= lane.stored', replace: 'record.offset >= 0',
  },
  {
    name: 'held-bytes', guard: 'What is stored and announced counts as held until it is announced', needed: 'a broker that is away lets the sink grow without a bound in bytes',
    file: 'runtime/loop/sink-limits.ts', seenBy: { by: 'test', file: 'test/unit/sink/sink-limits.test.ts' },
    find: 'const heldBytes = bytes + this.#underWayBytes', replace: 'const heldBytes = bytes',
  },
  {
    name: 'frozen-owner', guard: 'A claim ends the session of an owner that froze', needed: 'a stopped process holds its partitions for ever',
    file: 'runtime/postgres/sink-store.ts', seenBy: STORE,
    find: 'await this.#progress.endOwners(partitions, query)', replace: '',
  },
  {
    name: 'bisection', guard: 'A batch that Postgres refuses is halved until the bad row is alone', needed: 'one bad row takes its neighbours along',
    file: 'runtime/postgres/batch-insert.ts', seenBy: STORE,
    find: 'if (rows.length > 1) return this.#divide(batch, rows, error)', replace: 'if (rows.length > 1) return rows.map((row) => ({ row, error }))',
  },
  {
    name: 'letter-before-failure', guard: 'The sink\'s dead letters are acknowledged before their failures are committed', needed: 'a crash leaves failures whose bytes are nowhere',
    file: 'runtime/loop/sink-commit.ts', seenBy: LOOP,
    find: 'await this.#sendLetters(fresh)', replace: 'void fresh',
  },
  {
    name: 'announced-before-offsets', guard: 'Offsets are committed after the announcements are acknowledged', needed: 'a crash leaves rows that nobody is told of',
    file: 'runtime/loop/sink-commit.ts', seenBy: SIMULATION,
    find: 'await this.#parts.send(this.#announcementsOf(entries))', replace: 'void this.#parts.send(this.#announcementsOf(entries))',
  },
  {
    name: 'announced-again', guard: 'A claim begins at what was announced, when that is less than what is stored', needed: 'rows stored just before a crash are never announced',
    file: 'runtime/loop/sink-ownership.ts', seenBy: SIMULATION,
    find: 'offset: Math.min(offset, lane.stored) }]', replace: 'offset: lane.stored }]',
  },
  {
    name: 'recalled-refusals', guard: 'What the database had refused is recalled when it is read again', needed: 'a failure is announced as a row, and its dead letter is missing',
    file: 'runtime/loop/sink-commit.ts', seenBy: LOOP,
    find: 'await this.#recallRefusals(stored)', replace: 'void stored',
  },
  {
    name: 'revoked-rows', guard: 'What waits for a partition that was taken away is not stored', needed: 'a batch is refused whole, its neighbours\' rows with it',
    file: 'runtime/loop/sink-storing.ts', seenBy: LOOP,
    find: 'const live = taken.filter(({ lane }) => lane.isLive)', replace: 'const live = taken',
  },
  {
    name: 'late-claims', guard: 'A claim that a rebalance has overtaken opens no lane', needed: 'records are taken in that another member has',
    file: 'runtime/loop/sink-ownership.ts', seenBy: LOOP,
    find: '.filter((id) => this.#claims.get(partitionKey(id)) === claim)', replace: '',
  },
  {
    name: 'look-into-segments', guard: 'A batch is looked for in the segments whose ranges it touches', needed: 'an asset that comes again is doubled',
    file: 'runtime/postgres/batch-insert.ts', seenBy: SEGMENTS,
    find: 'for (const sealed of segments.among(range)) due =', replace: 'for (const sealed of [] as Sealed[]) due =',
  },
  {
    name: 'segments-at-claim', guard: 'A claim reads which segments there are', needed: 'what the owner before sealed is doubled',
    file: 'runtime/postgres/sink-store.ts', seenBy: SEGMENTS,
    find: 'if (this.#options.rows.segmentRows !== undefined) await this.#segments.load(query)', replace: '',
  },
  {
    name: 'look-into-open', guard: 'Before a batch becomes a segment it is looked for in the open one', needed: 'an asset that comes again in a large batch is doubled',
    file: 'runtime/postgres/batch-insert.ts', seenBy: SEGMENTS,
    find: 'await this.#openHolds(range, queryOf(batch.client))', replace: 'false',
  },
  {
    name: 'content-compared', guard: 'A row that comes again is compared with the stored one', needed: 'a correction is lost',
    file: 'runtime/postgres/stored-rows.ts', seenBy: SEGMENTS,
    find: 'if (!isContent(', replace: 'if (table.name === \'\' && !isContent(',
  },
]
