/**
 * A small round in which everything went well, for tests to break: five events, of which d is poison and e is refused by
 * the database; c was first judged in a transaction that was aborted. One partition a topic, so that it fits on a page:
 *
 *   made     a0 b1 c2 d3 e4            keys: a and b have k, the others one of their own
 *   checked  a0 b1 c2 e3               families: a and b are of one
 *   judged   a0 b1 | c3 (aborted) | c5 e6 |     the bars are markers: 2, 4, 7
 */
import { EVENT_ID } from './ledger.ts'
import type { Coordinates, Evidence, Failed, Judged, Made, Read, TopicRecord } from './evidence.ts'

const MADE: Made[] = [
  { id: 'a', key: 'k', family: 'f', seq: 0, weight: 1 },
  { id: 'b', key: 'k', family: 'f', seq: 1, weight: 1 },
  { id: 'c', key: 'l', family: 'g', seq: 0, weight: 1 },
  { id: 'd', key: 'm', family: 'h', seq: 0, weight: 1 },
  { id: 'e', key: 'n', family: 'i', seq: 0, weight: -1 },
]

/** A fresh copy each time. */
export function soundRound(): Evidence {
  const [a, b, c, , e] = MADE as [Made, Made, Made, Made, Made]
  const made = MADE.map((fact, offset) => recordOf('made', offset, fact, fact.key))
  made[3] = { ...made[3]!, value: Buffer.from([0, 0, 1]), fact: null }
  const checked = [a, b, c, e].map((fact, offset) => recordOf('checked', offset, fact, fact.family))
  const judge = (fact: Made, offset: number, of: string | null): Read<Judged> => recordOf('judged', offset, { ...fact, verdict: of === null ? 'original' : 'copy', of }, fact.family)
  const judged = [judge(a, 0, null), judge(b, 1, 'a'), judge(c, 5, null), judge(e, 6, null)]
  const failures = [{ stage: 'check', code: 'check.spoiled', ...at('made', 3) }, { stage: 'keep', code: 'keep.refused-row', ...at('judged', 6) }]
  return {
    topics: { made: 'made', checked: 'checked', judged: 'judged' },
    stages: { check: 'check', first: 'first', keep: 'keep' },
    produced: made.map(({ key: keyBytes, value: valueBytes, topic, partition, offset }, i) => ({
      ...MADE[i]!, topic, partition, offset, keyBytes, valueBytes, ...(i === 3 ? { poison: 'truncated' } : {}), ...(i === 4 ? { refusedByDatabase: true } : {}),
    })),
    made, checked, judged,
    kept: [a, b, c].map(({ id }, offset) => recordOf('kept', offset, { id }, id)),
    failed: [
      { ...recordOf('failed', 0, { id: 'd' }, 'm'), fact: { ...failures[0]!, key: 'm' } },
      { ...recordOf('failed', 1, { id: 'e' }, 'e'), fact: { stage: 'keep', code: 'keep.refused-row', key: 'e', topic: '', partition: -1, offset: -1 } },
    ],
    changelog: [remember(a, 1, null), remember(b, 2, 'a'), remember(c, 6, null), remember(e, 7, null)],
    dead: { check: [letterOf(made[3]!, 'check')], first: [], keep: [letterOf(judged[3]!, 'keep')] },
    aborted: [judge(c, 3, null), recordOf('changelog', 4, { id: 'c' }, 'c')],
    ends: [{ ...at('made', 5) }, at('checked', 4), at('judged', 8)],
    positions: { check: [at('made', 5)], first: [at('checked', 4)], keep: [at('judged', 7), at('check.dead', 1)] },
    rows: [rowOf(a, 0, null), rowOf(b, 1, 'a'), rowOf(c, 5, null)],
    failures,
    moves: [
      claim('judged', 1, null, 0, '7'), claim('check.dead', 1, null, 0, '7'),
      commit('judged', 1, 0, 2, '8'),
      { ...claim('judged', 2, 2, 2, '9'), owner: 'keep/two', by: 'keep/two' },
      { ...commit('judged', 2, 2, 7, '10'), owner: 'keep/two', by: 'keep/two' },
      commit('check.dead', 1, 0, 1, '11'),
    ],
    insertions: [{ id: 'a', ...at('judged', 0), transaction: '8' }, { id: 'b', ...at('judged', 1), transaction: '8' }, { id: 'c', ...at('judged', 5), transaction: '10' }],
    mayGiveUp: [],
    versions: 1,
  }
}

/** The same event again at another offset, byte for byte. */
export function again<Fact>(record: Read<Fact>, offset: number): Read<Fact> {
  return { ...record, offset }
}

/** The record with another value. */
export function altered<Fact>(record: Read<Fact>, change: Partial<Fact>): Read<Fact> {
  const fact = { ...record.fact!, ...change }
  return { ...record, fact, value: Buffer.from(JSON.stringify(fact)) }
}

export function withHeader<R extends TopicRecord>(record: R, name: string, value: string): R {
  return { ...record, headers: [...record.headers.filter(([each]) => each !== name), [name, Buffer.from(value)]] }
}

export function letterOf(record: TopicRecord, stage: string): TopicRecord {
  const about = { 'dead-stage': stage, 'dead-topic': record.topic, 'dead-partition': String(record.partition), 'dead-offset': String(record.offset) }
  const headers = Object.entries(about).map(([name, value]): [string, Buffer] => [name, Buffer.from(value)])
  return { ...record, topic: `${stage}.dead`, offset: 0, headers: [...record.headers, ...headers] }
}

/** What event.failed tells of a failure. */
export function told(round: Evidence, failure: Failed, key: string): Evidence['failed'][number] {
  return { ...again(round.failed[0]!, round.failed.length), headers: [], fact: { ...failure, key } }
}

function at(topic: string, offset: number): Coordinates {
  return { topic, partition: 0, offset }
}

function recordOf<Fact extends { id: string }>(topic: string, offset: number, fact: Fact, key: string): Read<Fact> {
  const eventId = topic === 'made' ? fact.id : `${topic} of ${fact.id}`
  return { ...at(topic, offset), timestampMs: 1_700_000_000_000, key: Buffer.from(key), value: Buffer.from(JSON.stringify(fact)), headers: [[EVENT_ID, Buffer.from(eventId)]], fact }
}

function remember({ id, family }: Made, offset: number, of: string | null): Evidence['changelog'][number] {
  return recordOf('changelog', offset, { id, family, of }, id)
}

function rowOf({ id, key, family, seq, weight }: Made, offset: number, of: string | null): Evidence['rows'][number] {
  return { id, key, family, seq, weight, verdict: of === null ? 'original' : 'copy', of, partition: 0, offset }
}

function claim(topic: string, epoch: number, from: number | null, to: number, transaction: string): Evidence['moves'][number] {
  return { topic, partition: 0, from, to, epochBefore: from === null ? null : epoch - 1, epoch, owner: 'keep/one', by: 'keep/one', transaction }
}

function commit(topic: string, epoch: number, from: number, to: number, transaction: string): Evidence['moves'][number] {
  return { ...claim(topic, epoch, from, to, transaction), epochBefore: epoch }
}
