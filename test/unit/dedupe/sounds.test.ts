import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asset, hash, id, Stage, turned } from './assets.ts'

/** A print of eight words for each note: random words, as a lively sound has. */
const print = (notes: string): Buffer => Buffer.concat([...notes].map((note) => hash(`note ${note}`)))

const sound = (number: number, acoustic: Buffer | null) => asset(number, [], { kind: 'audio', acoustic })

function verdictOn(known: Buffer, copy: Buffer | null) {
  const stage = new Stage()
  stage.submit(sound(1, known))
  return stage.submit(sound(2, copy))
}

test('a sound whose print differs in few bits is a near copy, with the errors per 1,000 bits', () => {
  const copy = Buffer.concat([...'abcdef'].map((note) => turned(hash(`note ${note}`), 8)))
  const { relation, of, distance, matched, timeOffsetMicros } = verdictOn(print('abcdef'), copy)
  // 8 of 256 bits are 31.25 of 1,000.
  assert.deepEqual({ relation, of, distance, matched, timeOffsetMicros }, { relation: 'near-copy', of: id(1), distance: 31, matched: 1, timeOffsetMicros: 0 })
})

test('a part of a sound tells where it begins', () => {
  const { relation, timeOffsetMicros, distance } = verdictOn(print('abcdefgh'), print('cdefg'))
  // 16 words of 4096 / 3 samples at 11,025 Hz each.
  assert.deepEqual({ relation, timeOffsetMicros, distance }, { relation: 'near-copy', timeOffsetMicros: 1_981_436, distance: 0 })
})

test('a longer version is told with a negative offset', () => {
  assert.equal(verdictOn(print('cdefg'), print('abcdefgh')).timeOffsetMicros, -1_981_436)
})

test('a jingle in common makes no pair of different sounds', () => {
  assert.equal(verdictOn(print('Jabcdefghi'), print('Jklmnopqrs')).relation, 'original')
})

test('steady sounds have nothing to be told by: silence is no copy of silence', () => {
  assert.equal(verdictOn(Buffer.alloc(400, 0x77), Buffer.alloc(800, 0x77)).relation, 'original')
})

test('a sound too short for a print is told apart by bytes only, and says so', () => {
  const { relation, evidence } = verdictOn(print('abcdef'), null)
  assert.deepEqual([relation, evidence], ['original', 'too short for an acoustic fingerprint'])
})

test('a sound in which everybody\'s word stands a thousand times still answers', () => {
  const stage = new Stage()
  for (let number = 1; number <= 400; number++) stage.submit(sound(number, print(`J${[...'abcdefg'].map((note) => String.fromCharCode(note.charCodeAt(0) + number * 8)).join('')}`)))
  assert.equal(stage.submit(sound(1_000, print(`J${[...'abcdefg'].map((note) => String.fromCharCode(note.charCodeAt(0) + 17 * 8)).join('')}`))).of, id(17))
  assert.ok(stage.state.stats().soundLookupsCutShort > 0)
})
