/** Guards of the stages with state: one writer, state and position that belong together, and no guess about a doubt. */
import type { Mutant } from './mutant.ts'

const LOOP = { by: 'test', file: 'test/unit/loop/stateful-loop.test.ts' } as const
const SIMULATION = { by: 'simulation' } as const
const BROKER = { by: 'test', file: 'test/integration/kafka-ports.test.ts', needsStack: true } as const

export const STATEFUL: readonly Mutant[] = [
  {
    name: 'transactional-id', guard: 'All owners of a partition have one transactional id', needed: 'a zombie\'s transaction commits beside its successor\'s',
    file: 'runtime/kafka/task-broker.ts', seenBy: BROKER,
    find: '${this.#settings.groupId}.${id.topic}.${id.partition}', replace: '${this.#settings.groupId}.${id.topic}.${id.partition}.${Math.random()}',
  },
  {
    name: 'own-barrier', guard: 'The state is read up to our own barrier', needed: 'what was written after an older barrier is missing in the state',
    file: 'runtime/loop/take-over.ts', seenBy: SIMULATION,
    find: 'if (record.value?.toString(\'latin1\') === barrier) return true', replace: 'return true',
  },
  {
    name: 'fence-before-position', guard: 'The position is read after the previous owner was fenced', needed: 'its pending transaction is not seen, and its inputs are decided twice',
    file: 'runtime/loop/take-over.ts', seenBy: SIMULATION,
    find: `    const barrier = await fenceAndBar(producer, parts)
    await at?.('after-barrier')
    const position = (await broker.committed(id)) ?? (await broker.oldest(id))
`,
    replace: `    const position = (await broker.committed(id)) ?? (await broker.oldest(id))
    await at?.('after-barrier')
    const barrier = await fenceAndBar(producer, parts)
`,
  },
  {
    name: 'state-not-ahead', guard: 'The position covers every input that the changelog tells of', needed: 'a position that was set back is decided upon with a state from the future',
    file: 'runtime/loop/take-over.ts', seenBy: LOOP,
    find: 'if (lastSource < position) return', replace: 'if (lastSource < Infinity) return',
  },
  {
    name: 'position-in-transaction', guard: 'The position commits with the outputs', needed: 'outputs are written again, or inputs are skipped',
    file: 'runtime/loop/transaction.ts', seenBy: SIMULATION,
    find: 'await transaction.position(position)', replace: 'void position',
  },
  {
    name: 'held-before-commit', guard: 'A member that may have lost the partition aborts', needed: 'a member that was put out of its group commits all the same',
    file: 'runtime/loop/transaction.ts', seenBy: SIMULATION,
    find: 'if (!holds()) await giveUp(transaction)', replace: 'if (!holds()) void giveUp',
  },
  {
    name: 'doubt-is-read', guard: 'A transaction in doubt leads to a new take-over', needed: 'a transaction that failed counts as committed, and its records are lost',
    file: 'runtime/loop/stateful-task.ts', seenBy: SIMULATION,
    find: 'await this.#recover(error)', replace: 'this.#committed(batch.length, batch.at(-1)!.offset + 1, { records: [], written: 0, dead: 0 })',
  },
  {
    name: 'state-thrown-away', guard: 'On doubt the state is thrown away', needed: 'decisions that never were committed live on in memory',
    file: 'runtime/loop/stateful-task.ts', seenBy: SIMULATION,
    find: 'this.#waiting = []\n    this.#held = undefined', replace: 'this.#waiting = []',
  },
  {
    name: 'restored-whole', guard: 'A state whose restore broke off is thrown away', needed: 'the next attempt applies entries a second time',
    file: 'runtime/loop/stateful-task.ts', seenBy: { by: 'test', file: 'test/unit/loop/broken-restore.test.ts' },
    find: '// Until the restore is complete, what it has reached is not known.\n    this.#held = undefined', replace: '',
  },
  {
    name: 'quiet-while-in-doubt', guard: 'The partition is paused while it is taken over again', needed: 'a fetch of before the doubt is decided behind the new position',
    file: 'runtime/loop/stateful-task.ts', seenBy: SIMULATION,
    find: 'source.pause([id])\n    this.#waiting = []', replace: 'this.#waiting = []',
  },
  {
    name: 'newest-assignment', guard: 'An assignment that another has overtaken opens nothing', needed: 'a task runs for a partition that is somebody else\'s',
    file: 'runtime/loop/stateful-loop.ts', seenBy: LOOP,
    find: 'if (this.#assignment !== assignment || this.#stopping) return []', replace: '',
  },
]
