/** Sounds of many containers against the lengths that their headers and ExoPlayer's extractors tell. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flacSamples } from '#processors/normalize/sound.ts'
import { Bench, needsSharedData, truthOf } from './truth.ts'

/** Streams without a header: ffprobe estimates, so the truth is the last sample of the extractor's dump and one frame. */
const WITHOUT_HEADER = /\.(mp3|aac|ac3|adts|amr)$/
const LONGEST_FRAME_MICROS = 64_000

const bench = new Bench()
const sounds = truthOf('av').filter(({ streams }) => /^audio:\w+(?!.*video:)/.test(streams!))

test('playing times are those of the container', needsSharedData, async () => {
  let checked = 0
  for (const { file, duration_s: seconds } of sounds) {
    const outcome = await bench.outcomeOf(`av/${file}`)
    if (typeof outcome === 'string' || WITHOUT_HEADER.test(file!) || !seconds) continue
    checked++
    assert.equal(outcome.kind, 'audio', file)
    assert.ok(Math.abs(outcome.durationMicros! - Number(seconds) * 1e6) <= 1_000, `${file}: ${outcome.durationMicros}`)
  }
  assert.ok(checked >= 25, `${checked} files`)
})

test('where a header is missing the playing time is what was decoded, which the extractors\' samples confirm', needsSharedData, async () => {
  let checked = 0
  for (const { file, dump_kind: kind, dump_tracks: tracks } of sounds) {
    const last = kind === 'extractor' && WITHOUT_HEADER.test(file!) ? /^audio\/[\w-]+:\d+smp:0\.\.(\d+)us/.exec(tracks!) : null
    const outcome = last ? await bench.outcomeOf(`av/${file}`) : ''
    if (typeof outcome === 'string') continue
    checked++
    const beyondLast = outcome.durationMicros! - Number(last![1])
    // Encoder delay, which players cut off, can make it a frame or two shorter.
    assert.ok(beyondLast > -LONGEST_FRAME_MICROS && beyondLast <= LONGEST_FRAME_MICROS, `${file}: ${outcome.durationMicros}, last sample at ${last![1]}`)
  }
  assert.ok(checked >= 8, `${checked} files`)
})

test('one recording in different containers is as long and as loud', needsSharedData, async () => {
  for (const file of ['flac/bear.flac', 'flac/bear_with_id3.flac', 'flac/bear_with_picture.flac', 'flac/bear_no_seek_table_no_num_samples.flac', 'ogg/bear_flac.ogg', 'ogg/bear_vorbis.ogg', 'mka/bear-flac-16bit.mka', 'mp3/bear-vbr-xing-header.mp3']) {
    const outcome = await bench.decoded(`av/${file}`)
    assert.ok(Math.abs(flacSamples(outcome.flac!) - 2.741 * 16_000) <= 0.05 * 16_000, file)
    // Measured on the losslessly coded one by ffmpeg's loudnorm filter, another implementation of the same standard: -40.7.
    assert.ok(Math.abs(outcome.loudnessLufs! - -40.7) <= 0.6, `${file}: ${outcome.loudnessLufs}`)
  }
})

test('speech is as long as its file says', needsSharedData, async () => {
  for (const row of truthOf('av/speech-wav')) {
    const outcome = await bench.decoded(`av/speech-wav/${row.file}`)
    const seconds = Number(row.duration_s)
    assert.ok(Math.abs(outcome.durationMicros! / 1e6 - seconds) < 0.001, `${row.file}: ${outcome.durationMicros}`)
  }
})
