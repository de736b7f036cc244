import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import sharp from 'sharp'
import { FILES, generateMedia } from '../../../cli/demo/media/generate.ts'
import type { DemoItem } from '../../../cli/demo/media/item.ts'
import { CODES as downloadCodes } from '../../../processors/download/codes.ts'
import { pdq } from '../../../processors/fingerprint/pdq.ts'
import { CODES as normalizeCodes } from '../../../processors/normalize/codes.ts'

const hasFfmpeg = spawnSync('ffprobe', ['-version']).status === 0

async function hashOf(path: string): Promise<Buffer> {
  const { data, info } = await sharp(path).autoOrient().resize(512, 512, { fit: 'inside' }).removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  return pdq({ width: info.width, height: info.height, rgb: data }).hash
}

function distance(a: Buffer, b: Buffer): number {
  return a.reduce((sum, byte, i) => sum + (byte ^ b[i]!).toString(2).replaceAll('0', '').length, 0)
}

/** Times of the packets in order of showing, seconds; key frames only on demand. */
function packetTimes(path: string, only: 'all' | 'keys'): number[] {
  const lines = execFileSync('ffprobe', ['-v', 'error', '-select_streams', 'v', '-show_entries', 'packet=pts_time,flags', '-of', 'csv=p=0', path]).toString().trim().split('\n')
  return lines.filter((line) => only === 'all' || line.includes('K')).map((line) => Number.parseFloat(line)).sort((a, b) => a - b)
}

describe('the generated set', { skip: hasFfmpeg ? false : 'needs ffmpeg' }, () => {
  let dir = ''
  let items: DemoItem[] = []
  const reported: number[] = []
  const named = (name: string): DemoItem => items.find((item) => item.name.startsWith(name))!

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-demo-'))
    items = await generateMedia(dir, { onProgress: ({ done }) => reported.push(done) })
  }, { timeout: 120_000 })
  after(() => rmSync(dir, { recursive: true, force: true }))

  test('holds 60 pictures, 48 edits and a copy of them, 6 videos, 6 sounds and 8 broken items, under names of their own', () => {
    const count = (kind: DemoItem['kind']): number => items.filter((item) => item.kind === kind).length
    assert.deepEqual([count('image'), count('video'), count('audio'), count('broken')], [109, 6, 6, 8])
    assert.equal(new Set(items.map((item) => item.name)).size, items.length)
  })

  test('leaves exactly its files behind, and reports each of them', () => {
    assert.deepEqual(readdirSync(dir).sort(), items.flatMap((item) => (item.path ? [item.name] : [])).sort())
    assert.deepEqual(reported, Array.from({ length: FILES }, (_, i) => i + 1))
  })

  test('puts originals before what was made of them', () => {
    for (const [at, { expect }] of items.entries()) {
      if (expect.outcome !== 'stored' || expect.of === undefined) continue
      const original = items.findIndex(({ name }) => name === expect.of)
      assert.ok(original >= 0 && original < at, expect.of)
    }
  })

  test('has eight different faults, by codes that the stages know', () => {
    const codes = items.flatMap(({ expect }) => (expect.outcome === 'failed' ? [expect.code] : []))
    assert.equal(new Set(codes).size, 8)
    for (const code of codes) assert.ok(code in downloadCodes || code in normalizeCodes, code)
  })

  test('has edits that a hash recognises, but for the crops', async () => {
    for (const item of items.filter(({ kind, expect }) => kind === 'image' && expect.outcome === 'stored' && expect.of !== undefined)) {
      const expect = item.expect as { of: string; relation?: string }
      const bits = distance(await hashOf(item.path!), await hashOf(join(dir, expect.of)))
      // 10 of 256 bits: as far as a near copy may be from its original.
      if (expect.relation !== undefined) assert.ok(bits <= 10, `${item.name} is ${bits} bits away`)
      else assert.match(item.name, /cropped/)
    }
  })

  test('has a byte copy that is one, and relabelled pictures that are none', () => {
    const digest = (name: string): string => createHash('sha256').update(readFileSync(join(dir, name))).digest('hex')
    assert.equal(digest('holiday-photo.jpg'), digest('landscape-01.jpg'))
    assert.notEqual(digest('landscape-01-relabelled.jpg'), digest('landscape-01.jpg'))
  })

  test('has videos with a key frame at least every second or so', () => {
    for (const { name, path } of items.filter(({ kind }) => kind === 'video')) {
      const times = packetTimes(path!, 'keys')
      assert.ok(times.length >= 5, name)
      for (const [i, time] of times.slice(1).entries()) assert.ok(time - times[i]! < 1.2, `${name}: ${time}`)
    }
  })

  test('has one video of steady and one of variable frame rate', () => {
    const steps = (name: string): Set<number> => {
      const times = packetTimes(named(name).path!, 'all')
      return new Set(times.slice(1).map((time, i) => Math.round((time - times[i]!) * 1000)))
    }
    assert.deepEqual([...steps('video-01')], [40])
    assert.ok(['33', '83', '42'].every((step) => steps('video-02').has(Number(step))), [...steps('video-02')].join())
  })

  test('has a video that its display matrix turns by a quarter', () => {
    const rotation = execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'stream_side_data=rotation', '-of', 'csv=p=0', named('video-05').path!]).toString()
    assert.equal(Number.parseInt(rotation), -90)
  })

  test('has a trimmed video whose frames are the original’s from second 2 on', () => {
    const frame = (path: string, seconds: number): Buffer => execFileSync(
      'ffmpeg', ['-v', 'error', '-ss', String(seconds), '-i', path, '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], { maxBuffer: 1 << 22 },
    )
    assert.ok(frame(named('video-06').path!, 0).equals(frame(named('video-01').path!, 2)))
  })
})
