/** Videos of many containers against time stamps that are not ffmpeg's: the dumps of ExoPlayer's extractors. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import sharp from 'sharp'
import { fit } from '#processors/normalize/fit.ts'
import { sharedData } from '#test/support/shared-data.ts'
import { Bench, needsSharedData, truthOf, type Row } from './truth.ts'

const TOLERANCE_MICROS = 2_000

/** Times of the samples flagged as key frames in the first video track of a dump, in order of time. */
function keyTimesOf(dump: string): number[] {
  const tracks = readFileSync(sharedData(`av/${dump}`)!, 'utf8').split(/^track \S+:$/m).slice(1)
  const video = tracks.find((track) => /sampleMimeType = video\//.test(track)) ?? ''
  const samples = [...video.matchAll(/sample \d+:\n +time = (-?\d+)\n +flags = (\d+)/g)]
  return samples.filter(([, , flags]) => (Number(flags) & 1) === 1).map(([, time]) => Number(time)).sort((a, b) => a - b)
}

const bench = new Bench()
const rows = truthOf('av')
/** Containers whose first video track both extractors read; the one encrypted file has its own test. */
const extracted = rows.filter((row) => row.dump_kind === 'extractor' && /video:/.test(row.streams!) && row.keyframes_agree === 'yes')

test('key frames are at the times that ExoPlayer\'s extractors find, within 2 ms', needsSharedData, async () => {
  assert.equal(extracted.length, 40)
  for (const { file, dump, dump_keyframes: count } of extracted) {
    const outcome = await bench.decoded(`av/${file}`)
    const truth = keyTimesOf(dump!)
    assert.equal(outcome.frameCount, Number(count), file)
    assert.deepEqual(outcome.frames.length, truth.length, file)
    outcome.frames.forEach(({ ptsMicros }, n) => assert.ok(Math.abs(ptsMicros - truth[n]!) <= TOLERANCE_MICROS, `${file}: frame ${n} at ${ptsMicros}, not ${truth[n]}`))
  }
})

test('every file of the collection gets a normal form or a listed code', needsSharedData, async () => {
  const refused: Record<string, string> = {}
  await Promise.all(rows.map(async ({ file }) => {
    const outcome = await bench.outcomeOf(`av/${file}`)
    if (typeof outcome === 'string') refused[file!] = outcome
  }))
  assert.deepEqual(refused, {
    // HEVC in HEIF: libvips has no decoder for it.
    'heif/sample_MP.heic': 'normalize.unsupported-format',
    'heif/sample_still_photo.heic': 'normalize.unsupported-format',
    'midi/Twinkle.mid': 'normalize.unsupported-format',
    'mkv/full_blocks.mkv': 'normalize.no-media-stream',
    'mkv/subsample_encrypted_noaltref.webm': 'normalize.encrypted',
    'mp4/sample_ac4_protected.mp4': 'normalize.encrypted',
    'mp3/100kB-garbage-prefix.mp3': 'normalize.unsupported-format',
    'mp3/1024_incrementing_bytes.mp3': 'normalize.unsupported-format',
    'mp3/play-trimmed.mp3': 'normalize.corrupt',
    'mp4/large_stbl_truncated_after_moov.m4b': 'normalize.truncated',
    'mp4/sample_malformed_free_box.mp4': 'normalize.corrupt',
    // Twenty samples at 80 kHz are a quarter of a millisecond: nothing is left at 16 kHz.
    'wav/sample_80KHz_mono_20_repeating_1_samples.wav': 'normalize.empty-sound',
  })
})

const rotationOf = (row: Row): string => /:rot(\d+):/.exec(row.dump_tracks!)?.[1] ?? '0'

test('rotated videos come out upright', needsSharedData, async () => {
  for (const row of extracted) {
    const outcome = await bench.decoded(`av/${row.file}`)
    const [, width, height] = /video:\w+:(\d+)x(\d+)/.exec(row.streams!)!
    const turned = ['90', '270'].includes(rotationOf(row))
    assert.deepEqual([outcome.width, outcome.height], turned ? [Number(height), Number(width)] : [Number(width), Number(height)], row.file)
    assert.equal(outcome.orientation, { 0: 1, 90: 6, 180: 3, 270: 8 }[rotationOf(row)], row.file)
  }
  assert.equal((await bench.decoded('av/mp4/internal_emulator_transformer_output_180_rotated.mp4')).orientation, 3)
})

test('a frame shows what the video shows at that time', needsSharedData, async () => {
  const { frames } = await bench.decoded('av/mp4/testvid_1022ms.mp4')
  const size = fit({ width: 480, height: 360 })
  const actual = await sharp(frames[0]!.jpeg).raw().toBuffer()
  const psnrOf = async (number: string): Promise<number> => {
    const truth = await sharp(sharedData(`av/mp4/testvid_1022ms_${number}.png`)!).resize({ ...size, fit: 'fill', kernel: 'cubic' }).removeAlpha().raw().toBuffer()
    const squares = truth.reduce((sum, value, at) => sum + (value - actual[at]!) ** 2, 0)
    return 10 * Math.log10((255 ** 2 * truth.length) / squares)
  }
  assert.deepEqual([frames[0]!.width, frames[0]!.height], [size.width, size.height])
  assert.ok(await psnrOf('000') > 35, `${await psnrOf('000')} dB`)
  assert.ok(await psnrOf('014') < 30, 'other frames differ clearly')
})

test('a video without a table of key frames counts each frame', needsSharedData, async () => {
  const { frames, frameCount } = await bench.decoded('av/mp4/sample_without_stss.mp4')
  assert.deepEqual([frameCount, frames.length], [30, 30])
})

test('a video whose only key frame is never shown still has a picture', needsSharedData, async () => {
  const { frames, frameCount } = await bench.decoded('av/mp4/sample_edit_list_only_preroll_sync_sample.mp4')
  assert.deepEqual([frameCount, frames.length], [1, 1])
})

test('the frame for people is not one that players never show', needsSharedData, async () => {
  const { frames, thumbnail } = await bench.decoded('av/mp4/sample_edit_list.mp4')
  assert.deepEqual(frames.map(({ ptsMicros }) => ptsMicros < 0), [true, false, false])
  assert.equal(thumbnail, 1)
})

test('of a long video 32 of its 44 key frames are kept', needsSharedData, async () => {
  const { frames, frameCount, durationMicros } = await bench.decoded('av/mp4/long_1080p_lowbitrate.mp4')
  assert.deepEqual([frameCount, frames.length, frames[0]!.ptsMicros, durationMicros], [44, 32, 0, 362_767_000])
})

test('playing times are the container\'s', needsSharedData, async () => {
  for (const row of extracted) {
    const outcome = await bench.decoded(`av/${row.file}`)
    // The one exception was cut out of a live stream and claims 39 hours for a second.
    const seconds = row.file === 'mp4/sample_fragmented.mp4' ? 1.001 : Number(row.duration_s)
    assert.ok(Math.abs(outcome.durationMicros! - seconds * 1e6) <= TOLERANCE_MICROS, `${row.file}: ${outcome.durationMicros}`)
  }
})
