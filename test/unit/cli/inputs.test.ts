import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Submission } from '#client'
import { UsageError } from '#cli/failure.ts'
import { inputsOf, parseLine } from '#cli/inputs.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-inputs-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const put = (path: string): string => {
  const whole = join(dir, path)
  mkdirSync(join(whole, '..'), { recursive: true })
  writeFileSync(whole, 'x')
  return whole
}

async function collect(named: string[], listFile?: string): Promise<{ found: Submission[]; skipped: string[]; total: number | undefined }> {
  const skipped: string[] = []
  const { submissions, total } = await inputsOf(named, listFile, { onSkipped: (path) => skipped.push(path) })
  const found: Submission[] = []
  for await (const submission of submissions) found.push(submission)
  return { found, skipped, total }
}

test('a folder stands for the media below it, in order, and not for what else lies there', async () => {
  const [b, a, deep] = [put('folder/b.JPG'), put('folder/a.png'), put('folder/c/d.mp4')]
  const text = put('folder/readme.txt')
  put('folder/.hidden.jpg')
  const { found, skipped, total } = await collect([join(dir, 'folder')])
  assert.deepEqual(found, [{ path: a }, { path: b }, { path: deep }])
  assert.deepEqual(skipped, [text])
  assert.equal(total, 3)
})

test('links in a folder are not followed, so a circle ends and nothing outside is submitted', async () => {
  const inside = put('linked/a.jpg')
  symlinkSync(join(dir, 'linked'), join(dir, 'linked', 'circle'))
  symlinkSync('/etc/passwd', join(dir, 'linked', 'secret.jpg'))
  const { found, skipped } = await collect([join(dir, 'linked')])
  assert.deepEqual(found, [{ path: inside }])
  assert.equal(skipped.length, 2)
})

test('a file that was named is taken whatever its extension, and one that is missing is a mistake of usage', async () => {
  const odd = put('odd.bin')
  assert.deepEqual((await collect([odd, 'https://example.org/a.jpg'])).found, [{ path: odd }, { uri: 'https://example.org/a.jpg' }])
  await assert.rejects(collect([join(dir, 'missing.jpg')]), UsageError)
})

test('a list holds paths, URIs and JSON submissions, and its length is not known beforehand', async () => {
  const list = join(dir, 'list.txt')
  writeFileSync(list, 'https://example.org/a.jpg\r\n\n/media/b c.jpg\n{"uri":"https://example.org/d.jpg","tags":["cat"]}\n')
  const { found, total } = await collect([], list)
  assert.deepEqual(found, [{ uri: 'https://example.org/a.jpg' }, { path: '/media/b c.jpg' }, { uri: 'https://example.org/d.jpg', tags: ['cat'] }])
  assert.equal(total, undefined)
})

test('a JSON line that is cut short or has an unknown field is told by its number', () => {
  assert.throws(() => parseLine('{"uri":', 7), /line 7 is no JSON/)
  assert.throws(() => parseLine('{"url":"https://example.org"}', 8), /line 8 has the field "url"/)
})
