import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyFrameTable, parsePacket, saysTruncated, type Packet } from '#processors/normalize/keyframes.ts'
import type { VideoStream } from '#processors/normalize/probe.ts'

const video = (timeBase: [number, number], index = 0): VideoStream => ({
  index, codec: 'h264', coded: { width: 64, height: 48 }, pixelAspect: 1, rotation: 0, rotationByName: false, timeBase, colorSpace: 'unknown', colorTransfer: 'unknown',
})

const packet = (packet: Partial<Packet>): Packet => ({ stream: 0, media: true, pts: 0, dts: 0, duration: 1, key: true, discard: false, ...packet })

function tableOf(packets: Partial<Packet>[], demuxer = 'mov', timeBase: [number, number] = [1, 1000], picture = false) {
  const table = new KeyFrameTable(video(timeBase), { path: 'a', demuxer, picture })
  for (const each of packets) table.add(packet(each))
  return table.finish(false)
}

test('a packet line gives stream, times and flags', () => {
  assert.deepEqual(parsePacket('video,1,360,259,20,K_,'), { stream: 1, media: true, pts: 360, dts: 259, duration: 20, key: true, discard: false })
  assert.deepEqual(parsePacket('video,0,-280,N/A,N/A,KD'), { stream: 0, media: true, pts: -280, dts: undefined, duration: 0, key: true, discard: true })
  assert.equal(parsePacket('data,2,5,5,0,__')!.media, false)
  assert.equal(parsePacket('side_data,'), undefined)
  assert.equal(parsePacket(''), undefined)
})

test('key frames keep their own times, however uneven', () => {
  const { keys, packets, spanMicros } = tableOf([{ pts: 0, duration: 40 }, { pts: 33, key: false }, { pts: 358 }, { pts: 400, key: false, duration: 100 }])
  assert.deepEqual(keys.map(({ ptsMicros }) => ptsMicros), [0, 358_000])
  assert.equal(packets, 4)
  assert.equal(spanMicros, 500_000)
})

test('ticks become microseconds without drift', () => {
  const { keys } = tableOf([{ pts: 900_900 }], 'mov', [1001, 30_000])
  assert.equal(keys[0]!.ptsMicros, 30_060_030_000)
})

test('a container whose first frame is late keeps it late', () => {
  assert.deepEqual(tableOf([{ pts: 10_000, dts: 10_000 }]).keys.map(({ ptsMicros }) => ptsMicros), [10_000_000])
})

test('the clock of a transport stream starts with the first decoding time of sound or picture', () => {
  const { keys } = tableOf([
    { stream: 2, media: false, pts: 63_000, dts: 63_000 },
    { stream: 1, pts: 129_000, dts: 129_000 },
    { stream: 0, pts: 132_000, dts: 126_000 },
    { stream: 0, pts: 162_000, dts: 3, key: true },
  ], 'mpegts', [1, 90_000])
  // (132,000 - 126,000) / 90,000 s, and 162,000 likewise; the jump back to 3 is a later one and moves nothing.
  assert.deepEqual(keys.map(({ ptsMicros }) => ptsMicros), [66_667, 400_000])
})

test('a key frame that players never show is noticed', () => {
  assert.equal(tableOf([{ pts: -280, discard: true }, { pts: 360 }]).preroll, true)
  assert.equal(tableOf([{ pts: -280, discard: true, key: false }, { pts: 360 }]).preroll, false)
})

test('packets of other streams and without a time are passed over', () => {
  const { keys, packets } = tableOf([{ stream: 1, pts: 5 }, { pts: undefined, dts: undefined }, { pts: undefined, dts: 7 }])
  assert.deepEqual(keys.map(({ ticks }) => ticks), [7])
  assert.equal(packets, 2)
})

test('every frame of an animation counts', () => {
  assert.equal(tableOf([{ pts: 0 }, { pts: 50, key: false }], 'apng', [1, 1000], true).keys.length, 2)
})

test('key frames come out in order of time', () => {
  assert.deepEqual(tableOf([{ pts: 500 }, { pts: 100 }]).keys.map(({ ticks }) => ticks), [100, 500])
})

test('only the demuxer\'s own words mean a truncated file, not a name that contains them', () => {
  assert.equal(saysTruncated('[mov,mp4 @ 0x55] stream 1, offset 0xf27e: partial file'), true)
  assert.equal(saysTruncated('[matroska,webm @ 0x55] File ended prematurely'), true)
  assert.equal(saysTruncated('Input #0, mp3, from file:/blobs/partial file truncated.mp3'), false)
})
