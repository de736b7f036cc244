/** Guards of the stages without state: nothing is committed before its outputs are there, keys stay in order, repeats are equal. */
import type { Mutant } from './mutant.ts'

const LOOP = { by: 'test', file: 'test/unit/loop/stage-loop.test.ts' } as const
const TASK = { by: 'test', file: 'test/unit/loop/partition-task.test.ts' } as const
const SIMULATION = { by: 'simulation' } as const

export const STATELESS: readonly Mutant[] = [
  {
    name: 'outputs-acknowledged', guard: 'A record is finished when its outputs are acknowledged (I1)', needed: 'a crash loses outputs whose inputs are committed',
    file: 'runtime/loop/record-work.ts', seenBy: SIMULATION,
    find: 'await this.#parts.outbox.send(outputs)', replace: 'void this.#parts.outbox.send(outputs).catch(() => {})',
  },
  {
    name: 'dead-letter-acknowledged', guard: 'A rejected record is finished when its dead letter is acknowledged', needed: 'a crash loses records that are neither processed nor dead-lettered',
    file: 'runtime/loop/record-work.ts', seenBy: SIMULATION,
    find: 'for (let attempt = 1; !(await this.#tryToSend(letter)); attempt++)', replace: 'void this.#tryToSend(letter)\n    for (let attempt = 1; attempt < 1; attempt++)',
  },
  {
    name: 'contiguous-watermark', guard: 'Only the contiguous finished prefix is committed', needed: 'records that are still being worked on are skipped after a crash',
    file: 'runtime/loop/watermark.ts', seenBy: SIMULATION,
    find: 'entry.done = true', replace: 'entry.done = true\n    this.#position = Math.max(this.#position ?? 0, offset + 1)',
  },
  {
    name: 'key-lanes', guard: 'Records of one key run one after the other', needed: 'a record that is tried again is overtaken by its successors',
    file: 'runtime/loop/partition-task.ts', seenBy: SIMULATION,
    find: 'this.#lanes.add(ordered ? record.key!.toString(\'latin1\') : null, record)', replace: 'this.#lanes.add(ordered ? null : null, record)',
  },
  {
    name: 'read-again', guard: 'What is in flight is not started again when the source reads it again', needed: 'two handlers work on one record at once, and its key loses its order',
    file: 'runtime/loop/partition-task.ts', seenBy: TASK,
    find: 'if (record.offset < this.#nextOffset) return', replace: '',
  },
  {
    name: 'revoked-outcomes', guard: 'The outcome of a record whose partition was taken away does not count', needed: 'the new owner\'s position is overwritten',
    file: 'runtime/loop/stage-loop.ts', seenBy: LOOP,
    find: 'this.#tasks.get(partitionKey(id))?.abandon()\n      this.#tasks.delete(partitionKey(id))', replace: '',
  },
  {
    name: 'stable-event-ids', guard: 'An event id is derived from the input\'s event id (I2)', needed: 'a repeat is another event, and nobody can tell',
    file: 'runtime/loop/event-id.ts', seenBy: SIMULATION,
    find: '\\0${origin}\\0${n}`', replace: '\\0${Math.random()}\\0${n}`',
  },
  {
    name: 'original-bytes', guard: 'A dead letter has the bytes of its original (I6)', needed: 'a redrive puts something else back',
    file: 'runtime/loop/dead-letter.ts', seenBy: SIMULATION,
    find: '    value: record.value,\n    timestampMs: record.timestampMs,', replace: '    value: record.value && Buffer.from(record.value.toString()),\n    timestampMs: record.timestampMs,',
  },
]
