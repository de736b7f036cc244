import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { typeOfHeader, typeOfPath } from '#processors/download/declared-type.ts'
import { contentRange, retryAfterMs } from '#processors/download/net/answers.ts'

/** 21 November 2026, 12:00:00 UTC. */
const NOW_MS = Date.UTC(2026, 10, 21, 12)
const QUARTER_HOUR_MS = 900_000

describe('Retry-After', () => {
  for (const [header, ms] of [
    ['0', 0], ['120', 120_000], [' 5 ', 5000], ['Sat, 21 Nov 2026 12:00:30 GMT', 30_000], ['Saturday, 21-Nov-26 12:01:00 GMT', 60_000],
    ['86400', QUARTER_HOUR_MS], ['999999999999', QUARTER_HOUR_MS], ['Sun, 21 Nov 2027 12:00:00 GMT', QUARTER_HOUR_MS],
    ['Sat, 21 Nov 2026 11:59:59 GMT', undefined], ['-5', undefined], ['soon', undefined], ['', undefined], [undefined, undefined],
  ] as const) {
    test(`${header ?? '(absent)'} means ${ms ?? 'nothing'}`, () => assert.equal(retryAfterMs(header, NOW_MS), ms))
  }
})

describe('Content-Range', () => {
  test('says where a part begins', () => {
    assert.deepEqual(contentRange('bytes 10-19/20'), { start: 10, total: 20 })
    assert.deepEqual(contentRange('bytes 0-0/*'), { start: 0, total: undefined })
  })

  for (const header of [undefined, '', 'bytes */20', 'items 1-2/3', 'bytes 1-2', 'bytes -5-2/3', 'bytes 1-2/3, bytes 1-2/3']) {
    test(`${header || '(none)'} says nothing`, () => assert.equal(contentRange(header), undefined))
  }
})

describe('the declared type', () => {
  test('is the essence of Content-Type', () => {
    assert.equal(typeOfHeader('Image/JPEG; charset="x"'), 'image/jpeg')
    assert.equal(typeOfHeader('application/octet-stream'), 'application/octet-stream')
    for (const header of [undefined, '', 'jpeg', 'image/', 'image/jpeg image/png', `image/${'x'.repeat(100)}`]) assert.equal(typeOfHeader(header), null)
  })

  test('or what the extension promises', () => {
    assert.equal(typeOfPath('/a/b.c/Photo.JPEG'), 'image/jpeg')
    for (const path of ['/a', '/a.', '/a.unknown', '/a.constructor', '/jpg']) assert.equal(typeOfPath(path), null)
  })
})
