/** Videos and sounds made by ffmpeg here, so that the truth about them is known. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import sharp from 'sharp'
import { decode } from '#processors/normalize/decode.ts'
import { Refused, type Decoded } from '#processors/normalize/decoded.ts'
import { flacSamples } from '#processors/normalize/sound.ts'

const needsFfmpeg = { skip: hasFfmpeg() ? false : 'needs ffmpeg' }
const dir = await mkdtemp(join(tmpdir(), 'streams-'))
after(() => rm(dir, { recursive: true }))

function hasFfmpeg(): boolean {
  try {
    execFileSync('ffmpeg', ['-version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

let made = 0

function make(extension: string, ...options: string[]): string {
  const path = join(dir, `${made++}.${extension}`)
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...options, path], { timeout: 60_000 })
  return path
}

const decodeFile = (path: string, typeHint = ''): Promise<Decoded> => decode({ id: 1, path, typeHint }, dir)
const refusedWith = (code: string) => (error: unknown): boolean => error instanceof Refused && error.code === code
const times = (decoded: Decoded): number[] => decoded.frames.map(({ ptsMicros }) => ptsMicros)

async function meanColour(jpeg: Uint8Array): Promise<number[]> {
  const { channels } = await sharp(jpeg).stats()
  return channels.map(({ mean }) => Math.round(mean))
}

/** 3 seconds of red, green and blue, a second each, a key frame at each second. */
const TRICOLOUR = ['-f', 'lavfi', '-i', 'color=red:s=320x180:d=1:r=25[r];color=lime:s=320x180:d=1:r=25[g];color=blue:s=320x180:d=1:r=25[b];[r][g][b]concat=n=3']
const KEY_EACH_SECOND = ['-c:v', 'mpeg4', '-g', '25', '-q:v', '2', '-bf', '0']

for (const extension of ['mp4', 'mkv', 'avi', 'ts']) {
  test(`key frames of a video in ${extension} have their own times and pictures`, needsFfmpeg, async () => {
    const decoded = await decodeFile(make(extension, ...TRICOLOUR, ...KEY_EACH_SECOND))
    assert.equal(decoded.kind, 'video')
    assert.deepEqual([decoded.width, decoded.height, decoded.frameCount], [320, 180, 3])
    times(decoded).forEach((time, n) => assert.ok(Math.abs(time - n * 1_000_000) <= 2000, `frame ${n} at ${time}`))
    assert.ok(Math.abs(decoded.durationMicros! - 3_000_000) <= 45_000)
    const expected = [[254, 0, 0], [0, 255, 0], [0, 0, 255]]
    for (const [n, frame] of decoded.frames.entries()) {
      const colour = await meanColour(frame.jpeg)
      colour.forEach((value, channel) => assert.ok(Math.abs(value - expected[n]![channel]!) <= 12, `frame ${n} is ${colour}`))
    }
  })
}

test('variable frame rate is kept', needsFfmpeg, async () => {
  // Frames at 0, 40, 240 and 1,040 ms; every one a key frame.
  const path = make('mkv', '-f', 'lavfi', '-i', "testsrc=s=160x120:r=25:d=2,select='eq(n,0)+eq(n,1)+eq(n,6)+eq(n,26)'", '-fps_mode', 'passthrough', '-c:v', 'mjpeg')
  assert.deepEqual(times(await decodeFile(path)), [0, 40_000, 240_000, 1_040_000])
})

test('a video that begins late keeps its late times', needsFfmpeg, async () => {
  const path = make('mkv', ...TRICOLOUR, ...KEY_EACH_SECOND, '-output_ts_offset', '10')
  assert.deepEqual(times(await decodeFile(path)), [10_000_000, 11_000_000, 12_000_000])
})

test('of many key frames a bounded number is kept, evenly spread from the first to the last', needsFfmpeg, async () => {
  const path = make('mkv', '-f', 'lavfi', '-i', 'testsrc=s=64x48:r=25:d=12.6', '-c:v', 'mpeg4', '-g', '5', '-bf', '0', '-sc_threshold', '1000000000')
  const decoded = await decodeFile(path)
  assert.equal(decoded.frameCount, 63)
  assert.equal(decoded.frames.length, 32)
  assert.deepEqual(times(decoded), Array.from({ length: 32 }, (_, n) => n * 400_000))
})

test('so many key frames that each chosen one is sought give the same times', needsFfmpeg, async () => {
  // 311 key frames: index n of the 32 chosen is 10 n, 200 ms × 10 apart.
  const path = make('mkv', '-f', 'lavfi', '-i', 'testsrc=s=64x48:r=25:d=62.2', '-c:v', 'mpeg4', '-g', '5', '-bf', '0', '-sc_threshold', '1000000000')
  const decoded = await decodeFile(path)
  assert.equal(decoded.frameCount, 311)
  assert.deepEqual(times(decoded), Array.from({ length: 32 }, (_, n) => n * 2_000_000))
})

/** Writes a quarter turn into the track's display matrix (ISO/IEC 14496-12, 8.3.2), 40 bytes after the box's version. */
async function turnClockwise(path: string): Promise<void> {
  const bytes = await readFile(path)
  const matrix = bytes.indexOf('tkhd', 0, 'latin1') + 4 + 40
  const [one, minusOne, w] = [0x00010000, 0xffff0000, 0x40000000]
  for (const [n, value] of [0, one, 0, minusOne, 0, 0, 0, 0, w].entries()) bytes.writeUInt32BE(value, matrix + 4 * n)
  await writeFile(path, bytes)
}

test('a rotated video comes out upright', needsFfmpeg, async () => {
  // Left half red, right half blue; turned a quarter clockwise, red is on top.
  const halves = make('mp4', '-f', 'lavfi', '-i', 'color=red:s=160x180:d=1:r=10[l];color=blue:s=160x180:d=1:r=10[r];[l][r]hstack', ...KEY_EACH_SECOND)
  await turnClockwise(halves)
  const decoded = await decodeFile(halves)
  assert.deepEqual([decoded.width, decoded.height, decoded.orientation], [180, 320, 6])
  const { data, info } = await sharp(decoded.frames[0]!.jpeg).raw().toBuffer({ resolveWithObject: true })
  const at = (x: number, y: number): number => 3 * (y * info.width + x)
  assert.ok(data[at(90, 20)]! > 200 && data[at(90, 300)]! < 60, 'red on top')
})

test('pixels that are not square are made so', needsFfmpeg, async () => {
  const decoded = await decodeFile(make('mp4', '-f', 'lavfi', '-i', 'testsrc=s=720x576:r=5:d=1,setsar=64/45', '-c:v', 'mpeg4'))
  // 720 × 64/45 = 1024 wide for 576 high: 16:9.
  assert.deepEqual([decoded.width, decoded.height], [720, 576])
  assert.deepEqual([decoded.frames[0]!.width, decoded.frames[0]!.height], [597, 336])
})

test('the frame for people is the first that shows something', needsFfmpeg, async () => {
  const path = make('mkv', '-f', 'lavfi', '-i', 'color=black:s=160x120:d=2:r=5[a];testsrc=s=160x120:d=2:r=5,setsar=1[b];[a][b]concat', '-c:v', 'mpeg4', '-g', '5', '-bf', '0', '-sc_threshold', '1000000000')
  const decoded = await decodeFile(path)
  assert.equal(decoded.frameCount, 4)
  assert.equal(decoded.thumbnail, 2)
})

test('an animated PNG becomes a video on white', needsFfmpeg, async () => {
  const path = make('apng', '-f', 'lavfi', '-i', 'color=red@0.0:s=40x30:r=10:d=0.3,format=rgba', '-plays', '0')
  const decoded = await decodeFile(path)
  assert.equal(decoded.kind, 'video')
  assert.equal(decoded.frameCount, 3)
  assert.deepEqual(times(decoded), [0, 100_000, 200_000])
  assert.deepEqual(await meanColour(decoded.frames[0]!.jpeg), [255, 255, 255])
})

test('a BMP is a picture', needsFfmpeg, async () => {
  const decoded = await decodeFile(make('bmp', '-f', 'lavfi', '-i', 'color=lime:s=50x40', '-frames:v', '1'))
  assert.deepEqual([decoded.kind, decoded.codec, decoded.width, decoded.height, decoded.durationMicros, decoded.frameCount], ['image', 'bmp', 50, 40, null, 1])
  const [red, green, blue] = await meanColour(decoded.frames[0]!.jpeg)
  assert.ok(red! <= 2 && green! >= 253 && blue! <= 2)
})

test('a video cut short is refused as truncated', needsFfmpeg, async () => {
  const path = make('mp4', '-f', 'lavfi', '-i', 'testsrc=s=320x240:d=2', '-c:v', 'mpeg4', '-movflags', '+faststart')
  await truncate(path, 30_000)
  await assert.rejects(decodeFile(path), refusedWith('normalize.truncated'))
})

test('a file of subtitles only holds no media', needsFfmpeg, async () => {
  const subtitles = join(dir, 'words.srt')
  await writeFile(subtitles, '1\n00:00:00,000 --> 00:00:01,000\nhello\n')
  await assert.rejects(decodeFile(make('mkv', '-i', subtitles)), refusedWith('normalize.no-media-stream'))
})

test('a playlist under a video\'s name is opened by no decoder', needsFfmpeg, async () => {
  const list = join(dir, 'list.mp4')
  for (const text of ['#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n', "ffconcat version 1.0\nfile '/etc/passwd'\n"]) {
    await writeFile(list, text)
    await assert.rejects(decodeFile(list, 'video/mp4'), refusedWith('normalize.unsupported-format'))
    await assert.rejects(decodeFile(list, 'audio/mpeg'), refusedWith('normalize.corrupt'))
  }
})

const SINE = ['-f', 'lavfi', '-i', 'sine=frequency=1000:duration=5:sample_rate=48000']

for (const extension of ['wav', 'flac', 'mp3', 'ogg', 'm4a', 'mka']) {
  test(`a sound in ${extension} becomes 16 kHz mono FLAC with its length and loudness`, needsFfmpeg, async () => {
    const codec = { ogg: ['-c:a', 'flac'], mka: ['-c:a', 'pcm_s16le'] }[extension as string] ?? []
    const decoded = await decodeFile(make(extension, ...SINE, '-ac', '2', ...codec))
    assert.equal(decoded.kind, 'audio')
    assert.deepEqual([decoded.width, decoded.height, decoded.frames, decoded.frameCount, decoded.thumbnail], [null, null, [], null, null])
    assert.ok(Math.abs(decoded.durationMicros! - 5_000_000) <= 60_000, String(decoded.durationMicros))
    const flac = Buffer.from(decoded.flac!)
    // Stream information (RFC 9639, 8.2): 20 bits of rate, then 3 bits of channels less one.
    assert.equal(flac.readUIntBE(18, 3) >> 4, 16_000)
    assert.equal((flac[20]! >> 1) & 7, 0)
    assert.ok(Math.abs(flacSamples(flac) - 80_000) <= 960)
    // ffmpeg's sine has amplitude 1/8: -18.06 dBFS peak, -21.07 dB mean square a channel. BS.1770 adds both channels
    // (+3.01), weighs 1 kHz by about +0.69 and subtracts 0.691: -18.06 LUFS. Made stereo by copying, ffmpeg lowers each
    // channel by 3.01 dB. Lossy codecs take some of it.
    assert.ok(Math.abs(decoded.loudnessLufs! - -21.07) <= 0.5, String(decoded.loudnessLufs))
  })
}

test('the same sound gives the same bytes, whatever its tags', needsFfmpeg, async () => {
  const [one, two] = [await decodeFile(make('wav', ...SINE)), await decodeFile(make('wav', ...SINE, '-metadata', 'title=another'))]
  assert.ok(Buffer.from(one.flac!).equals(Buffer.from(two.flac!)))
})

test('a song with cover art is a sound', needsFfmpeg, async () => {
  const cover = make('png', '-f', 'lavfi', '-i', 'testsrc=s=300x300', '-frames:v', '1')
  const song = make('mp3', ...SINE, '-i', cover, '-map', '0', '-map', '1', '-c:v', 'copy', '-disposition:v', 'attached_pic')
  assert.equal((await decodeFile(song)).kind, 'audio')
})

test('of a long sound ten minutes are kept and the whole length is told', needsFfmpeg, async () => {
  const path = make('wav', '-f', 'lavfi', '-i', 'sine=frequency=300:duration=660:sample_rate=8000')
  const decoded = await decodeFile(path)
  assert.equal(decoded.durationMicros, 660_000_000)
  assert.equal(flacSamples(decoded.flac!), 600 * 16_000)
})
