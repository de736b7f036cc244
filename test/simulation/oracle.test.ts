/** The verdict on a finished run: silent about a healthy one, and about each kind of damage it names the invariant. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frame } from '#runtime/avro/wire.ts'
import type { OutgoingRecord } from '#runtime/loop/ports.ts'
import { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { Broker } from './broker/broker.ts'
import { Coverage } from './coverage.ts'
import { Database } from './database.ts'
import { outputIdOf } from './oracle/fates.ts'
import { judge } from './oracle/verdict.ts'
import { Random } from './random.ts'
import { Trace } from './trace.ts'
import { Violations, type Invariant } from './violations.ts'

const MADE = { id: 'e0', key: 'k', family: 'f', seq: 1, kind: 'plain', weight: 3 }
const CHECKED = { ...MADE, digest: 'e0:21' }
const JUDGED = { ...CHECKED, verdict: 'original', of: null }
const SECOND = { ...MADE, id: 'e1', seq: 2 }
const NEXT_CHECKED = { ...SECOND, digest: 'e1:21' }
const NEXT_JUDGED = { ...NEXT_CHECKED, verdict: 'copy', of: 'e0' }

type Edit = (parts: { append(topic: string, record: OutgoingRecord): void; database: Database; topics: Map<string, OutgoingRecord[]> }) => void

const input = (eventId: string) => ({ topic: '', partition: 0, offset: 0, key: null, value: null, timestampMs: 0, size: 0, headers: new Map([['event-id', Buffer.from(eventId)]]) })
const CHECKED_ID = outputIdOf('check', input('e0'))
const JUDGED_ID = outputIdOf('first', input(CHECKED_ID))

function record(topic: string, key: string, value: object | null, eventId: string, headers: Record<string, string> = {}): OutgoingRecord {
  return { topic, partition: 0, key: Buffer.from(key), value: value && frame(1, Buffer.from(JSON.stringify(value))), headers: { 'event-id': eventId, ...headers }, timestampMs: 0 }
}

/** Two events of a family, through all stages; the edit does its damage before anything is judged. */
function verdictAfter(edit: Edit): Invariant[] {
  const clock = new VirtualClock(0)
  const parts = { clock, random: new Random(1), trace: new Trace(() => 0), coverage: new Coverage() }
  const broker = new Broker(parts)
  const database = new Database({ ...parts, witness: { claimed() {}, committed() {} } })
  const violations = new Violations(() => {})
  const [nextChecked, nextJudged] = [outputIdOf('check', input('e1')), outputIdOf('first', input(outputIdOf('check', input('e1'))))]
  const topics = new Map<string, OutgoingRecord[]>([
    ['event.made', [record('event.made', 'k', MADE, 'e0'), record('event.made', 'k', SECOND, 'e1')]],
    ['event.checked', [record('event.checked', 'f', CHECKED, CHECKED_ID), record('event.checked', 'f', NEXT_CHECKED, nextChecked)]],
    ['event.judged', [record('event.judged', 'f', JUDGED, JUDGED_ID), record('event.judged', 'f', NEXT_JUDGED, nextJudged)]],
    ['event.remembered', [record('event.remembered', 'e0', { id: 'e0', family: 'f', of: null }, ''), record('event.remembered', 'e1', { id: 'e1', family: 'f', of: 'e0' }, '')]],
    ['event.kept', [record('event.kept', 'e0', { id: 'e0' }, 'a'), record('event.kept', 'e1', { id: 'e1' }, 'b')]],
    ['event.failed', []], ['check.dead', []], ['first.dead', []], ['keep.dead', []],
  ])
  for (const [n, row] of [JUDGED, NEXT_JUDGED].entries()) database.rows.set(row.id, { ...row, topic: 'event.judged', partition: 0, offset: n, eventTimeMs: 0 } as never)
  edit({ topics, database, append: (topic, added) => void topics.get(topic)!.push(added) })
  for (const [topic, records] of topics) {
    broker.createTopic(topic, 1)
    for (const each of records) broker.log(each).append([each])
  }
  judge({ broker, database, violations })
  return [...violations.counts.keys()].sort()
}

const dead = (value: object, code: string) => record('check.dead', 'k', value, 'e0', { 'dead-stage': 'check', 'dead-topic': 'event.made', 'dead-partition': '0', 'dead-offset': '0', 'dead-code': code })

const DAMAGE: Record<string, { edit: Edit; expected: Invariant[] }> = {
  'a run without damage': { edit: () => {}, expected: [] },
  'a record that was repeated byte for byte, with its answer': {
    edit: ({ append }) => [append('event.checked', record('event.checked', 'f', CHECKED, CHECKED_ID)), append('event.judged', record('event.judged', 'f', JUDGED, JUDGED_ID))], expected: [],
  },
  'an output that is missing': { edit: ({ topics }) => void topics.get('event.judged')!.pop(), expected: ['aborted-records-seen', 'lost-ids'] },
  'an answer that was given twice': { edit: ({ append }) => append('event.judged', record('event.judged', 'f', JUDGED, JUDGED_ID)), expected: ['doubled-outputs'] },
  'a copy with other bytes': {
    edit: ({ append }) => append('event.checked', record('event.checked', 'f', { ...CHECKED, weight: 4 }, CHECKED_ID)), expected: ['contradicting-duplicates', 'lost-ids', 'wrong-outputs'],
  },
  'a key whose order was turned': { edit: ({ topics }) => void topics.get('event.checked')!.reverse(), expected: ['order-inversions', 'state-differs', 'wrong-outputs'] },
  'a healthy event that was also given up': {
    edit: ({ append, database }) => {
      append('check.dead', dead(MADE, 'runtime.deadline'))
      database.failures.set('x', { stage: 'check', topic: 'event.made', partition: 0, offset: 0 } as never)
      append('event.failed', record('event.failed', 'k', { stage: 'check', topic: 'event.made', partition: 0, offset: 0 }, 'c'))
    }, expected: ['both-processed-and-dead'],
  },
  'a spoiled event without a dead letter': {
    edit: ({ append }) => append('event.made', record('event.made', 'k', { ...MADE, id: 'e2', kind: 'spoiled' }, 'e2')), expected: ['neither-processed-nor-dead'],
  },
  'a row that is missing': { edit: ({ database }) => void database.rows.delete('e1'), expected: ['lost-ids', 'wrong-outputs'] },
  'a row with another verdict': { edit: ({ database }) => void Object.assign(database.rows.get('e1')!, { verdict: 'original' }), expected: ['wrong-rows'] },
  'a row of an event that does not count': { edit: ({ database }) => void database.rows.set('e9', { ...database.rows.get('e1')!, id: 'e9' }), expected: ['aborted-records-seen'] },
  'a row that nobody was told of': { edit: ({ topics }) => void topics.get('event.kept')!.pop(), expected: ['unannounced'] },
  'a changelog that lacks an entry': { edit: ({ topics }) => void topics.get('event.remembered')!.pop(), expected: ['state-differs'] },
  'a failure without a cause': {
    edit: ({ database, append }) => {
      database.failures.set('x', { stage: 'keep', topic: 'event.judged', partition: 0, offset: 7 } as never)
      append('event.failed', record('event.failed', 'k', { stage: 'keep', topic: 'event.judged', partition: 0, offset: 7 }, 'c'))
    }, expected: ['wrong-rows'],
  },
}

for (const [name, { edit, expected }] of Object.entries(DAMAGE)) {
  test(`${name}: ${expected.join(', ') || 'nothing to say'}`, () => assert.deepEqual(verdictAfter(edit), expected))
}
