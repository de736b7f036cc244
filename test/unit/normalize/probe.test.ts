import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FfprobeData, FfprobeStream } from 'fluent-ffmpeg'
import { plausibleMicros, readContainer } from '#processors/normalize/probe.ts'

const picture = { index: 0, codec_type: 'video', codec_name: 'h264', width: 640, height: 360, time_base: '1/30000' }
const read = (streams: object[], format: object = {}) => readContainer({ streams: streams as FfprobeStream[], format, chapters: [] } as FfprobeData)

test('a song with cover art is a sound', () => {
  const container = read([{ ...picture, codec_name: 'mjpeg', disposition: { attached_pic: 1 } }, { index: 1, codec_type: 'audio', codec_name: 'mp3' }])
  assert.equal(container.video, undefined)
  assert.deepEqual(container.sound, { index: 1, codec: 'mp3' })
})

test('the display matrix is read as a clockwise turn', () => {
  // ffprobe writes -90 for "turn 90 degrees clockwise"; text, since fluent-ffmpeg reads only positive numbers as numbers.
  assert.equal(read([{ ...picture, rotation: '-90' }]).video!.rotation, 90)
  assert.equal(read([{ ...picture, rotation: 90 }]).video!.rotation, 270)
  assert.equal(read([{ ...picture, rotation: '-180' }]).video!.rotation, 180)
  assert.equal(read([picture]).video!.rotation, 0)
  assert.equal(read([{ ...picture, rotation: 'sideways' }]).video!.rotation, 0)
})

test('a rotation that stands in the name of the track only is taken', () => {
  const { rotation, rotationByName } = read([{ ...picture, tags: { title: 'htc_video_rotA-090' } }]).video!
  assert.deepEqual([rotation, rotationByName], [90, true])
  assert.equal(read([{ ...picture, tags: { title: 'htc_video_rotA-045' } }]).video!.rotation, 0)
})

test('streams that no decoder knows are counted but not chosen', () => {
  const container = read([{ index: 0, codec_type: 'audio', codec_name: 'unknown' }])
  assert.deepEqual([container.video, container.sound, container.mediaStreams], [undefined, undefined, 1])
  assert.equal(read([{ index: 0, codec_type: 'subtitle', codec_name: 'subrip' }]).mediaStreams, 0)
})

test('a video without a size is none', () => {
  assert.equal(read([{ ...picture, width: 0 }]).video, undefined)
})

test('pixels that are not square and a time base are read as fractions, with defaults for nonsense', () => {
  const { pixelAspect, timeBase } = read([{ ...picture, sample_aspect_ratio: '4:3' }]).video!
  assert.deepEqual([pixelAspect, timeBase], [4 / 3, [1, 30_000]])
  assert.equal(read([{ ...picture, sample_aspect_ratio: '0:1' }]).video!.pixelAspect, 1)
  assert.deepEqual(read([{ ...picture, time_base: 'x' }]).video!.timeBase, [1, 1_000_000])
})

test('the duration is the container\'s, else a stream\'s', () => {
  assert.equal(read([picture], { duration: 2.5 }).durationSeconds, 2.5)
  assert.equal(read([{ ...picture, duration: '3.5' }], { duration: 'N/A' }).durationSeconds, 3.5)
  assert.equal(read([picture]).durationSeconds, undefined)
})

test('a claimed duration far beyond what was measured is not believed', () => {
  assert.equal(plausibleMicros(143_165, 1_000_000), null)
  assert.equal(plausibleMicros(15, 1_000_000), 15_000_000)
  assert.equal(plausibleMicros(143_165, 0), 143_165_000_000)
  assert.equal(plausibleMicros(undefined, 5), null)
})
