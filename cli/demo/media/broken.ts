/** Files that must fail, each for another reason, without harming any other. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { crc32, deflateSync } from 'node:zlib'
import type { DemoItem, Workshop } from './item.ts'
import { seeded } from './random.ts'

/** Left of a JPEG that broke off in transfer. */
const TRUNCATED_SHARE = 0.4
/** 400 megapixels of nothing: 50 kB as a file, 1.2 GB once decoded to RGB. */
const BOMB_SIDE = 20_000
const NOISE_BYTES = 20_000
/** Where clouds tell a machine its credentials: what a forged request would ask for. Nothing is sent there. */
const INSIDE_ADDRESS = 'http://169.254.169.254/latest/meta-data/photo.jpg'

const ERROR_PAGE = `<!doctype html>
<html><head><title>404 Not Found</title></head>
<body><h1>Not Found</h1><p>The picture has moved.</p></body></html>
`

/** `jpeg` and `mp4` are good files to spoil. */
export async function makeBroken(workshop: Workshop, good: { jpeg: Buffer; mp4: Buffer }): Promise<DemoItem[]> {
  const file = async (name: string, bytes: Uint8Array, code: string, note: string): Promise<DemoItem> => broken(await workshop.save(name, bytes), code, note)
  const missing = join(workshop.dir, 'broken-never-there.jpg')
  return [
    await file('broken-empty.jpg', Buffer.alloc(0), 'download.empty', 'no bytes at all'),
    await file('broken-error-page.jpg', Buffer.from(ERROR_PAGE), 'download.html', 'a web page instead of a picture'),
    await file('broken-noise.mp4', noise(workshop.seed), 'download.not-media', 'random bytes'),
    broken({ name: 'broken-inside.jpg', uri: INSIDE_ADDRESS }, 'download.address-blocked', 'an address inside the data centre'),
    broken({ name: 'broken-never-there.jpg', uri: pathToFileURL(missing).href }, 'download.file-not-found', 'no such file'),
    await file('broken-truncated.jpg', good.jpeg.subarray(0, Math.round(good.jpeg.length * TRUNCATED_SHARE)), 'normalize.truncated', 'the transfer broke off after 40 %'),
    await file('broken-bomb.png', bomb(BOMB_SIDE), 'normalize.too-many-pixels', '400 megapixels in 50 kB'),
    await file('broken-unfinished.mp4', withoutIndex(good.mp4), 'normalize.corrupt', 'a recording that was never finished'),
  ]
}

function broken(source: { name: string; uri: string; path?: string }, code: string, note: string): DemoItem {
  return { ...source, kind: 'broken', family: null, note, expect: { outcome: 'failed', code }, tags: [] }
}

/** Random bytes; the first is none that any media format begins with. */
export function noise(seed: string, length = NOISE_BYTES): Buffer {
  const random = seeded(`noise ${seed}`)
  const bytes = Buffer.from(Uint8Array.from({ length }, () => random.whole(0, 255)))
  bytes[0] = 0x7e
  return bytes
}

/** A valid PNG of side² black pixels, one bit each (PNG specification, 3rd edition, 11.2). */
export function bomb(side: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header[8] = 1
  const rows = Buffer.alloc(side * (1 + Math.ceil(side / 8)))
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const framed = Buffer.alloc(typed.length + 8)
  framed.writeUInt32BE(body.length, 0)
  typed.copy(framed, 4)
  framed.writeUInt32BE(crc32(typed), framed.length - 4)
  return framed
}

/** Ends where the index would begin, as when a camera loses power. */
export function withoutIndex(mp4: Buffer): Buffer {
  const index = mp4.lastIndexOf('moov', undefined, 'latin1')
  if (index < 4) throw new Error('this MP4 has no index')
  return mp4.subarray(0, index - 4)
}
