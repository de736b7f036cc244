import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { locate } from '#client/place.ts'
import { InvalidSubmissionError } from '#client/submission.ts'
import { openFileStore } from '#runtime/blobs/file-store.ts'
import { systemClock } from '#runtime/clock.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-place-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const store = await openFileStore({ dir: join(dir, 'blobs'), clock: systemClock })
const open = async () => store
const path = join(dir, 'a file.jpg')
writeFileSync(path, 'picture')
const sha256 = createHash('sha256').update('picture').digest()

test('bytes and files become blobs under their hash', async () => {
  for (const place of [{ bytes: Buffer.from('picture') }, { path }]) {
    const { uri } = await locate(place, open)
    assert.equal(uri, `blob:${sha256.toString('hex')}`)
  }
  assert.equal((await store.read(sha256)).toString(), 'picture')
})

test('a file submitted by its path stays where it is', async () => {
  const { uri } = await locate({ path, byPath: true }, () => Promise.reject(new Error('no store is needed')))
  assert.equal(uri, pathToFileURL(path).href)
})

test('what is no regular file with bytes in it is refused at once', async () => {
  writeFileSync(join(dir, 'empty.jpg'), '')
  mkdirSync(join(dir, 'folder'))
  for (const name of ['empty.jpg', 'folder', 'missing.jpg']) {
    await assert.rejects(locate({ path: join(dir, name) }, open), InvalidSubmissionError, name)
  }
  await assert.rejects(locate({ path: '/dev/zero' }, open), InvalidSubmissionError)
})

test('bytes that are not the promised ones are told to the producer, who still has them', async () => {
  await assert.rejects(locate({ path, sha256: '00'.repeat(32) }, open), /sha256 does not fit/)
  await locate({ path, sha256 }, open)
})
