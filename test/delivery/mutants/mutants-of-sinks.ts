/** Guards of the sink: one owner, one place for progress and rows, letters and announcements that cannot be forgotten. */
import type { Mutant } from './mutant.ts'

const STORE = { by: 'test', file: 'test/integration/store.test.ts', needsStack: true } as const
const SIMULATION = { by: 'simulation' } as const
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
    file: 'runtime/loop/sink-loop.ts', seenBy: LOOP,
    find: 'if (inDoubt) await this.#claimAgain()', replace: '',
  },
  {
    name: 'frozen-owner', guard: 'A claim ends the session of an owner that froze', needed: 'a stopped process holds its partitions for ever',
    file: 'runtime/postgres/sink-store.ts', seenBy: STORE,
    find: 'await this.#progress.endOwners(partitions, query)', replace: '',
  },
  {
    name: 'bisection', guard: 'A batch that Postgres refuses is halved until the bad row is alone', needed: 'one bad row takes its neighbours along',
    file: 'runtime/postgres/sink-store.ts', seenBy: STORE,
    find: 'if (groups.length > 1) return this.#halve(client, groups, ids)', replace: 'if (groups.length > 1) return groups.map((group) => ({ group, error }))',
  },
  {
    name: 'letter-before-failure', guard: 'The sink\'s dead letters are acknowledged before their failures are committed', needed: 'a crash leaves failures whose bytes are nowhere',
    file: 'runtime/loop/sink-commit.ts', seenBy: LOOP,
    find: 'await this.#sendLetters(fresh)', replace: 'void fresh',
  },
  {
    name: 'announced-before-offsets', guard: 'Offsets are committed after the announcements are acknowledged', needed: 'a crash leaves rows that nobody is told of',
    file: 'runtime/loop/sink-commit.ts', seenBy: SIMULATION,
    find: 'await this.#parts.send(entries.flatMap(', replace: 'void this.#parts.send(entries.flatMap(',
  },
  {
    name: 'announced-again', guard: 'A claim begins at what was announced, when that is less than what is stored', needed: 'rows stored just before a crash are never announced',
    file: 'runtime/loop/sink-loop.ts', seenBy: SIMULATION,
    find: 'offset: Math.min(offset, lane.stored) }]', replace: 'offset: lane.stored }]',
  },
  {
    name: 'recalled-refusals', guard: 'What the database had refused is recalled when it is read again', needed: 'a failure is announced as a row, and its dead letter is missing',
    file: 'runtime/loop/sink-commit.ts', seenBy: LOOP,
    find: 'await this.#recallRefusals(stored)', replace: 'void stored',
  },
  {
    name: 'revoked-rows', guard: 'What waits for a partition that was taken away is not stored', needed: 'a batch is refused whole, its neighbours\' rows with it',
    file: 'runtime/loop/sink-loop.ts', seenBy: LOOP,
    find: 'const live = taken.filter(({ lane }) => lane.isLive)', replace: 'const live = taken',
  },
  {
    name: 'late-claims', guard: 'A claim that a rebalance has overtaken opens no lane', needed: 'records are taken in that another member has',
    file: 'runtime/loop/sink-loop.ts', seenBy: LOOP,
    find: '.filter((id) => this.#claims.get(partitionKey(id)) === claim)', replace: '',
  },
]
