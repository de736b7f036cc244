import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineProcessor } from '#runtime/api.ts'
import { defineTopology } from '#runtime/define/topology.ts'
import { counting, noteCounted, noteShouted, noteTaken, noteTopic, shouting } from '#test/support/sample-stage.ts'

const problemsOf = (spec: Parameters<typeof defineTopology>[0]): string => {
  try {
    defineTopology(spec)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

test('all problems are reported together, each with its remedy', () => {
  const lost = defineProcessor({ name: 'Lost!', version: 1, reads: noteTopic('never.written'), writes: [noteShouted], handle: () => [] })
  const message = problemsOf({ enters: [noteTaken], stages: [shouting(), lost], leaves: [] })
  assert.deepEqual(message.split('\n').sort(), [
    'Lost! reads never.written, which nothing above it writes: move it, or let the topic enter',
    'Lost! writes note.shouted, which has a writer already: give it its own topic',
    'note.shouted is written and never read: add a reader, or let it leave',
    'stage "Lost!": name it by a verb in lower case',
  ])
})

test('a stage that stands above its writer is out of order', () => {
  const reader = defineProcessor({ name: 'read', version: 1, reads: noteShouted, writes: [noteCounted], handle: () => [] })
  assert.match(problemsOf({ enters: [noteTaken], stages: [reader, shouting()], leaves: [noteCounted] }), /read reads note\.shouted, which nothing above it writes/)
})

test('a topology lists every topic: typed ones, changelogs and dead letters', () => {
  const counted = { ...counting, reads: noteTaken }
  const topology = defineTopology({ enters: [noteTaken], stages: [shouting(), counted], leaves: [noteShouted, noteCounted] })
  assert.deepEqual(topology.topics.map(({ name }) => name), ['note.taken', 'note.shouted', 'note.counted', 'count.kept', 'shout.dead', 'count.dead'])
  assert.equal(topology.topics.find(({ name }) => name === 'shout.dead')!.schema, null)
})

test('a stateful stage needs a compacted changelog with as many partitions as its input', () => {
  const wrong = { ...counting, state: { ...counting.state, changelog: noteTopic('count.lost') } }
  assert.match(problemsOf({ enters: [noteTaken], stages: [wrong], leaves: [noteCounted] }), /count: its changelog count\.lost must be compacted/)
})

test('a stage that does not exist is named with the ones that do', () => {
  const topology = defineTopology({ enters: [noteTaken], stages: [shouting()], leaves: [noteShouted] })
  assert.throws(() => topology.stage('nope'), { code: 'topology.no-such-stage', remedy: 'Choose one of shout.' })
})
