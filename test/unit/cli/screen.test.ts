import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columns, plain } from '#cli/screen.ts'

test('text from outside cannot move the cursor or hide what follows', () => {
  assert.equal(plain('a\x1b[2Jb\r\u202ec'), 'a�[2Jb��c')
  assert.equal(plain('Ünïcödé 日本'), 'Ünïcödé 日本')
})

test('columns are as wide as their widest cell, numbers to the right', () => {
  assert.equal(columns([['stage', 'lag'], ['embed', 7], ['tag', 1234]]), 'stage  lag\nembed     7\ntag    1234')
})
