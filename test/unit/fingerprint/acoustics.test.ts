import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Reject } from '#runtime/api.ts'
import { acoustics } from '#processors/fingerprint/acoustics.ts'
import { normalSound, tone, tune, writeWav } from '#test/quality/near-dup/tunes.ts'

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0
const options = { skip: hasFfmpeg ? false : 'needs ffmpeg' }

const folder = mkdtempSync(join(tmpdir(), 'acoustics-'))
after(() => rmSync(folder, { recursive: true }))

const flacOf = (name: string, samples: Float32Array): string =>
  normalSound(writeWav(join(folder, `${name}.wav`), samples), join(folder, `${name}.flac`))

async function printOf(path: string, signal = AbortSignal.timeout(30_000)): Promise<Buffer | null> {
  return (await acoustics.open({} as never)).print(path, signal)
}

test('the same sound gives the same print, about eight words a second', options, async () => {
  const path = flacOf('tune', tune(1, 20))
  const [first, second] = [await printOf(path), await printOf(path)]
  assert.deepEqual(first, second)
  const wordsPerSecond = first!.length / 4 / 20
  assert.ok(wordsPerSecond > 6.5 && wordsPerSecond < 8.1, `${wordsPerSecond}`)
})

test('a steady tone repeats one word', options, async () => {
  const print = (await printOf(flacOf('tone', tone(440, 10))))!
  const words = new Set(Array.from({ length: print.length / 4 }, (_, at) => print.readUInt32LE(at * 4)))
  assert.equal(words.size, 1)
})

test('a sound too short to have a print has none, and that is no failure', options, async () => {
  assert.equal(await printOf(flacOf('short', tune(2, 1))), null)
})

test('only the first two minutes are printed', options, async () => {
  const print = (await printOf(flacOf('long', tone(300, 150))))!
  const longest = (120 * 11_025) / (4096 / 3)
  assert.ok(print.length / 4 <= longest && print.length / 4 > longest - 30, `${print.length / 4}`)
})

test('a file that is no sound is rejected', options, async () => {
  const path = join(folder, 'text.flac')
  writeFileSync(path, 'no sound')
  await assert.rejects(printOf(path), (error) => error instanceof Reject && error.code === 'fingerprint.undecodable-sound')
})

test('an aborted call rejects with the reason and not with a verdict on the sound', options, async () => {
  const controller = new AbortController()
  const printing = printOf(flacOf('aborted', tone(300, 100)), controller.signal)
  controller.abort(new Error('partition lost'))
  await assert.rejects(printing, /partition lost/)
})

test('an ffmpeg without Chromaprint halts the stage with the remedy', options, () => {
  const stub = join(folder, 'ffmpeg')
  writeFileSync(stub, '#!/bin/sh\necho " DE flac            raw FLAC"\n')
  chmodSync(stub, 0o755)
  const script = `
    const { acoustics } = await import('#processors/fingerprint/acoustics.ts')
    await Promise.resolve(acoustics.open({})).then(() => console.log('opened'), (error) => console.log(error.code, error.remedy))`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, FFMPEG_PATH: stub }, cwd: join(import.meta.dirname, '../../..') })
  assert.match(stdout.toString(), /^fingerprint\.no-chromaprint .*--enable-chromaprint/)
})
