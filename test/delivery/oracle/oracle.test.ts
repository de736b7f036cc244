/** Each invariant can fail: a sound round with one thing broken is reported by name, and by nothing that is not broken. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { INVARIANTS, type Evidence, type InvariantName } from './evidence.ts'
import { judge } from './judge.ts'
import { again, altered, letterOf, soundRound, told, withHeader } from './sample-round.ts'

/** How often each invariant is broken once `change` has been made to a sound round. */
function brokenBy(change: (round: Evidence) => void): Partial<Record<InvariantName, number>> {
  const round = soundRound()
  change(round)
  const counts: Partial<Record<InvariantName, number>> = {}
  for (const { invariant } of judge(round)) counts[invariant] = (counts[invariant] ?? 0) + 1
  for (const name of Object.keys(counts)) proven.add(name as InvariantName)
  return counts
}

const proven = new Set<InvariantName>()

test('a round in which all went well breaks nothing', () => {
  assert.deepEqual(judge(soundRound()), [])
})

suite('harmless', () => {
  test('a topic that repeats a record byte for byte', () => {
    assert.deepEqual(brokenBy((round) => {
      round.checked.push(again(round.checked[0]!, 4))
      round.judged.push(again(round.judged[0]!, 8))
      round.kept.push(again(round.kept[0]!, 3))
    }), {})
  })

  test('a dead letter that comes twice', () => {
    assert.deepEqual(brokenBy((round) => round.dead.check.push({ ...round.dead.check[0]!, offset: 1 })), {})
  })

  test('a record that the database refuses as often as it is repeated', () => {
    assert.deepEqual(brokenBy((round) => {
      const failure = { stage: 'keep', code: 'keep.refused-row', topic: 'judged', partition: 0, offset: 8 }
      round.judged.push(again(round.judged[3]!, 8))
      round.dead.keep.push({ ...letterOf(round.judged[4]!, 'keep'), offset: 1 })
      round.failures.push(failure)
      round.failed.push(again(round.failed[1]!, 2))
    }), {})
  })

  test('an event that the generator had to write twice', () => {
    assert.deepEqual(brokenBy((round) => round.made.push(again(round.made[0]!, 5))), {})
  })

  test('a healthy event that was given up with a code that the round allows', () => {
    assert.deepEqual(brokenBy((round) => {
      round.mayGiveUp = ['registry.unreachable']
      giveUpC(round)
    }), {})
  })

  test('two event ids of one event, when two versions of a stage ran', () => {
    assert.deepEqual(brokenBy((round) => {
      round.versions = 2
      round.checked.push(withHeader(again(round.checked[0]!, 4), 'event-id', 'by the second version'))
    }), {})
  })
})

suite('lost-ids', () => {
  test('a row that is missing, although its record was judged', () => {
    assert.deepEqual(brokenBy((round) => {
      round.rows.splice(1, 1)
      round.insertions.splice(1, 1)
    }), { 'lost-ids': 1, 'neither-processed-nor-dead': 1, 'position-ahead': 1 })
  })

  test('a record that the broker had acknowledged', () => {
    assert.deepEqual(brokenBy((round) => round.produced.push({ ...round.produced[0]!, id: 'z', offset: 9 })), { 'lost-ids': 1 })
  })

  test('a dead letter that became no failure, of an event that ended otherwise', () => {
    // Poison that was written twice: the first copy's failure is there, the second one's is not.
    assert.deepEqual(brokenBy((round) => {
      const copy = again(round.made[3]!, 5)
      round.made.push(copy)
      round.dead.check.push({ ...letterOf(copy, 'check'), offset: 1 })
    }), { 'lost-ids': 1 })
  })
})

test('doubled-rows: two rows of one event', () => {
  assert.deepEqual(brokenBy((round) => {
    round.rows.push(round.rows[0]!)
    round.insertions.push(round.insertions[0]!)
  }), { 'doubled-rows': 1 })
})

suite('contradicting-duplicates', () => {
  test('the same event id with another value', () => {
    assert.deepEqual(brokenBy((round) => round.checked.push(altered(again(round.checked[0]!, 4), { seq: 9 }))), { 'contradicting-duplicates': 1 })
  })

  test('the same event id with another key', () => {
    assert.deepEqual(brokenBy((round) => round.judged.push({ ...again(round.judged[0]!, 8), key: Buffer.from('other') })), { 'contradicting-duplicates': 1 })
  })

  test('one event under two event ids', () => {
    assert.deepEqual(brokenBy((round) => round.judged.push(withHeader(again(round.judged[0]!, 8), 'event-id', 'random'))), { 'contradicting-duplicates': 1 })
  })
})

suite('order-inversions', () => {
  test('two events of one key that change places in a stateless stage', () => {
    assert.deepEqual(brokenBy((round) => {
      // Another family, so that the decisions stay as they are.
      for (const topic of [round.made, round.checked, round.judged]) topic[1] = altered(topic[1]!, { family: 'other' })
      round.produced[1]!.valueBytes = round.made[1]!.value
      round.judged[1] = altered(round.judged[1]!, { verdict: 'original', of: null })
      round.changelog[1] = altered(round.changelog[1]!, { family: 'other', of: null })
      Object.assign(round.rows[1]!, { family: 'other', verdict: 'original', of: null })
      const [a, b] = round.checked
      round.checked.splice(0, 2, again(b!, 0), again(a!, 1))
      const [ja, jb] = round.judged
      round.judged.splice(0, 2, again(jb!, 0), again(ja!, 1))
      Object.assign(round.rows[0]!, { offset: 1 })
      Object.assign(round.rows[1]!, { offset: 0 })
    }), { 'order-inversions': 1 })
  })

  test('two events of one partition that change places in a stateful stage', () => {
    assert.deepEqual(brokenBy((round) => {
      const [, b, c] = round.judged
      round.judged.splice(1, 2, again(c!, 1), again(b!, 5))
      round.rows[1]!.offset = 5
      round.rows[2]!.offset = 1
    }), { 'order-inversions': 1 })
  })
})

suite('neither-processed-nor-dead', () => {
  test('a stage that skips a record', () => {
    assert.deepEqual(brokenBy((round) => {
      round.judged.splice(2, 1)
      round.changelog.splice(2, 1)
      round.rows.splice(2, 1)
      round.insertions.splice(2, 1)
      round.kept.splice(2, 1)
    }), { 'lost-ids': 1, 'neither-processed-nor-dead': 1, 'position-ahead': 1, 'state-differs': 1 })
  })

  test('a failure whose dead letter is missing', () => {
    assert.deepEqual(brokenBy((round) => round.dead.keep.splice(0)), { 'neither-processed-nor-dead': 2, 'position-ahead': 1 })
  })
})

suite('both-processed-and-dead', () => {
  test('an event that was processed, and dead-lettered all the same', () => {
    assert.deepEqual(brokenBy((round) => {
      round.mayGiveUp = ['registry.unreachable']
      round.dead.check.push({ ...letterOf(round.made[2]!, 'check'), offset: 1 })
      round.failures.push({ stage: 'check', code: 'registry.unreachable', topic: 'made', partition: 0, offset: 2 })
      round.failed.push(told(round, round.failures.at(-1)!, 'l'))
    }), { 'both-processed-and-dead': 1 })
  })
})

suite('dead-letter-bytes-differ', () => {
  for (const [what, change] of [
    ['value', { value: Buffer.from([0, 0, 2]) }], ['key', { key: null }], ['time', { timestampMs: 1 }],
  ] as const) {
    test(`another ${what}`, () => {
      assert.deepEqual(brokenBy((round) => Object.assign(round.dead.check[0]!, change)), { 'dead-letter-bytes-differ': 1 })
    })
  }

  test('a header that was not kept', () => {
    assert.deepEqual(brokenBy((round) => round.dead.check[0]!.headers.shift()), { 'dead-letter-bytes-differ': 1 })
  })

  test('a letter of a record that does not exist', () => {
    assert.deepEqual(brokenBy((round) => round.dead.first.push(letterOf({ ...round.checked[0]!, offset: 77 }, 'first'))), { 'dead-letter-bytes-differ': 1 })
  })
})

suite('rows-from-zombie-epoch', () => {
  test('progress that was moved by another session than the one that claimed it', () => {
    assert.deepEqual(brokenBy((round) => Object.assign(round.moves[4]!, { by: 'keep/one' })), { 'rows-from-zombie-epoch': 1 })
  })

  test('a row whose transaction did not move the progress', () => {
    assert.deepEqual(brokenBy((round) => Object.assign(round.insertions[2]!, { transaction: '99' })), { 'rows-from-zombie-epoch': 1 })
  })

  test('a row below the progress that its transaction found', () => {
    assert.deepEqual(brokenBy((round) => Object.assign(round.insertions[1]!, { transaction: '10' })), { 'rows-from-zombie-epoch': 1 })
  })
})

suite('state-differs', () => {
  test('an event that the state has forgotten', () => {
    assert.deepEqual(brokenBy((round) => round.changelog.pop()), { 'state-differs': 1 })
  })

  test('an event that is remembered as an original and was a copy', () => {
    assert.deepEqual(brokenBy((round) => { round.changelog[1] = altered(round.changelog[1]!, { of: null }) }), { 'state-differs': 1 })
  })

  test('a decision that was changed and changed back', () => {
    assert.deepEqual(brokenBy((round) => {
      round.changelog.push(altered(again(round.changelog[1]!, 9), { of: null }), again(round.changelog[1]!, 10))
    }), { 'state-differs': 1 })
  })

  test('a decision in a partition that does not own the event', () => {
    assert.deepEqual(brokenBy((round) => Object.assign(round.changelog[0]!, { partition: 1 })), { 'state-differs': 1 })
  })
})

suite('aborted-records-seen', () => {
  test('a row that was made of an aborted record', () => {
    assert.deepEqual(brokenBy((round) => {
      round.rows[2]!.offset = 3
      round.insertions[2]!.offset = 3
    }), { 'aborted-records-seen': 1 })
  })

  test('a dead letter of an aborted record, and its failure', () => {
    assert.deepEqual(brokenBy((round) => {
      const failure = { stage: 'keep', code: 'keep.refused-row', topic: 'judged', partition: 0, offset: 3 }
      round.dead.keep.push(letterOf(round.aborted[0]!, 'keep'))
      round.failures.push(failure)
      round.failed.push(told(round, failure, 'judged/0/3'))
    }), { 'aborted-records-seen': 2 })
  })
})

suite('progress-moved-back', () => {
  test('a smaller offset', () => {
    assert.deepEqual(brokenBy((round) => round.moves.push({ ...round.moves[4]!, from: 7, to: 6, transaction: '12' })), { 'progress-moved-back': 1 })
  })

  test('a smaller epoch', () => {
    assert.deepEqual(brokenBy((round) => round.moves.push({ ...round.moves[4]!, from: 7, to: 7, epochBefore: 2, epoch: 1, transaction: '12' })), { 'progress-moved-back': 1 })
  })

  test('a gap between two commits', () => {
    assert.deepEqual(brokenBy((round) => round.moves.push({ ...round.moves[4]!, from: 6, to: 7, transaction: '12' })), { 'progress-moved-back': 1 })
  })
})

suite('position-ahead', () => {
  test('a group beyond the end of its topic', () => {
    assert.deepEqual(brokenBy((round) => Object.assign(round.positions.check[0]!, { offset: 6 })), { 'position-ahead': 1 })
  })

  test('a group beyond a record of which nothing came; without the position it would be a record that waits', () => {
    const waits = (round: Evidence): void => {
      round.made.push({ ...again(round.made[2]!, 5), headers: [['event-id', Buffer.from('f')]] })
      Object.assign(round.ends[0]!, { offset: 6 })
    }
    assert.deepEqual(brokenBy(waits), { 'lost-ids': 1, 'neither-processed-nor-dead': 1 })
    assert.deepEqual(brokenBy((round) => {
      waits(round)
      round.positions.check[0]!.offset = 6
    }), { 'lost-ids': 1, 'neither-processed-nor-dead': 1, 'position-ahead': 1 })
  })
})

suite('wrong-rows', () => {
  for (const [column, value] of Object.entries({ key: 'x', family: 'x', seq: 7, weight: 7, verdict: 'original', of: 'c' })) {
    test(`another ${column}`, () => {
      assert.deepEqual(brokenBy((round) => Object.assign(round.rows[1]!, { [column]: value })), { 'wrong-rows': 1 })
    })
  }

  test('a row that names another event\'s record as its own', () => {
    assert.deepEqual(brokenBy((round) => { round.rows[1]!.offset = 5 }), { 'wrong-rows': 1 })
  })

  test('a row of an event that was never made', () => {
    assert.deepEqual(brokenBy((round) => {
      round.rows.push({ ...round.rows[0]!, id: 'z' })
      round.insertions.push({ ...round.insertions[0]!, id: 'z' })
      round.kept.push(altered(withHeader(again(round.kept[0]!, 3), 'event-id', 'kept of z'), { id: 'z' }))
    }), { 'wrong-rows': 1 })
  })

  test('a healthy event that was given up', () => {
    assert.deepEqual(brokenBy(giveUpC), { 'wrong-rows': 1 })
  })

  test('poison that became a row', () => {
    assert.deepEqual(brokenBy((round) => Object.assign(round.produced[0]!, { poison: 'wrong magic' })), { 'wrong-rows': 1 })
  })

  test('a row that the database should have refused', () => {
    assert.deepEqual(brokenBy((round) => Object.assign(round.produced[0]!, { refusedByDatabase: true })), { 'wrong-rows': 1 })
  })

  test('a record that nobody can decode', () => {
    assert.deepEqual(brokenBy((round) => round.judged.push({ ...again(round.judged[0]!, 8), fact: null })), { 'wrong-rows': 1 })
  })
})

suite('unannounced', () => {
  test('a row', () => {
    assert.deepEqual(brokenBy((round) => round.kept.pop()), { unannounced: 1 })
  })

  test('a failure of the sink', () => {
    assert.deepEqual(brokenBy((round) => round.failed.pop()), { unannounced: 1 })
  })

  test('a failure of another stage', () => {
    assert.deepEqual(brokenBy((round) => round.failed.shift()), { unannounced: 1 })
  })
})

test('no invariant was left unproven', () => {
  assert.deepEqual([...proven].sort(), [...INVARIANTS].sort())
})

/** Stage `check` could not decode c for as long as it tried: a dead letter and a failure instead of all that came of it. */
function giveUpC(round: Evidence): void {
  for (const list of [round.checked, round.judged, round.changelog, round.rows, round.insertions, round.kept]) list.splice(2, 1)
  const failure = { stage: 'check', code: 'registry.unreachable', topic: 'made', partition: 0, offset: 2 }
  round.dead.check.push({ ...letterOf(round.made[2]!, 'check'), offset: 1 })
  round.failures.push(failure)
  round.failed.push(told(round, failure, 'l'))
}
