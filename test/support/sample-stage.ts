/** A small stage and its topics, for tests of the runtime. */
import { defineProcessor, defineStateful, defineTopic, type Outgoing, type Topic } from '#runtime/api.ts'

export interface Note { id: string; text: string }

export function noteTopic(name: string, cleanup: 'delete' | 'compact' = 'delete'): Topic<Note> {
  return defineTopic<Note>({
    name, cleanup, partitions: 2, keyOf: (note) => note.id,
    schema: {
      type: 'record', name: 'Note', namespace: 'test',
      fields: [{ name: 'id', type: 'string' }, { name: 'text', type: 'string' }],
    },
  })
}

export const noteTaken = noteTopic('note.taken')
export const noteShouted = noteTopic('note.shouted')

/** Writes each note in capitals, by `handle` of the test's choosing. */
export function shouting(handle: (note: Note, signal: AbortSignal) => Promise<Outgoing[]> | Outgoing[] = (note) => [noteShouted({ ...note, text: note.text.toUpperCase() })]) {
  return defineProcessor({
    name: 'shout', version: 1, reads: noteTaken, writes: [noteShouted],
    retry: { attempts: 3, firstDelayMs: 100, maxDelayMs: 1_000 }, deadlineMs: 5_000,
    handle: (note, { signal }) => handle(note, signal),
  })
}

export const noteCounted = noteTopic('note.counted')
export const countKept = noteTopic('count.kept', 'compact')

class Counts {
  readonly byId = new Map<string, number>()
  total = 0

  apply(entry: Note): void {
    this.total += 1
    this.byId.set(entry.id, Number(entry.text))
  }
}

/** Gives each note a running number; asked again, the same one. */
export const counting = defineStateful({
  name: 'count', version: 1, reads: noteTaken, writes: [noteCounted],
  state: { changelog: countKept, open: () => new Counts() },
  batch: { maxRecords: 10, maxWaitMs: 1 },
  decide(note, state) {
    const known = state.byId.get(note.id)
    const number = known ?? state.total + 1
    return { write: [noteCounted({ id: note.id, text: String(number) })], remember: known === undefined ? [{ id: note.id, text: String(number) }] : [] }
  },
})
