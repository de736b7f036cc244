import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { HEAD_BYTES, sniff, type Sniffed } from '#processors/download/sniff/sniff.ts'
import { sharedData } from '#test/support/shared-data.ts'

const outcome = (sniffed: Sniffed): string => ('type' in sniffed ? sniffed.type : sniffed.refused)
const sniffText = async (text: string, encoding: BufferEncoding = 'utf8'): Promise<Sniffed> => sniff(Buffer.from(text, encoding))

describe('text under any name', () => {
  for (const [text, what] of [
    ['#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd', 'a playlist (HLS)'],
    ['ffconcat version 1.0\nfile /etc/passwd', 'a playlist (concat)'],
    ['<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011">', 'a playlist (DASH)'],
    ['<MPD type="static">', 'a playlist (DASH)'],
    ['[playlist]\nFile1=http://127.0.0.1/', 'a playlist (PLS)'],
    ['v=0\r\no=- 0 0 IN IP4 127.0.0.1', 'a session description (SDP)'],
    ['<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', 'a vector drawing (SVG)'],
    ['<?xml version="1.0"?>\n<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<svg>', 'a vector drawing (SVG)'],
    ['%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', 'a PDF document'],
    ['{"error": 404}', 'a JSON document'], ['[1, 2]', 'a JSON document'],
    ['push graphic-context\nimage over 0,0 0,0 "https://127.0.0.1/"', 'plain text'],
    ['not found', 'plain text'], ['<note/>', 'an XML document'],
  ] as const) {
    test(`${JSON.stringify(text.slice(0, 24))} is ${what}, and refused`, async () => {
      assert.deepEqual(await sniffText(text, 'latin1'), { refused: 'download.not-media', what })
    })
  }

  for (const text of ['<!doctype html>', '<html lang="de">', '  <HEAD>', '<!-- x -->\n<body>', '<?xml version="1.0"?><!DOCTYPE html PUBLIC "x">', '\ufeff<html>', '<script>location="/login"</script>']) {
    test(`${JSON.stringify(text)} is a web page in any encoding`, async () => {
      assert.equal(outcome(await sniffText(text)), 'download.html')
      assert.equal(outcome(await sniffText(`\ufeff${text}`, 'utf16le')), 'download.html')
      assert.equal(outcome(await sniff(Buffer.from(`\ufeff${text}`, 'utf16le').swap16())), 'download.html')
    })
  }
})

describe('bytes', () => {
  test('of no format are refused, whatever they are', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 4096 }), async (bytes) => {
      // A random start must never look like media by luck; these first bytes make every signature impossible.
      assert.equal('refused' in (await sniff(Buffer.concat([Buffer.from([0x99, 0x99, 0x99, 0x99, 0x99, 0x99, 0x99, 0x99, 0x99, 0x99, 0x99, 0x99]), bytes]))), true)
    }), { numRuns: 200 })
  })

  test('that begin like a format and break off never make the sniffer fail', async () => {
    const starts = ['\x89PNG\r\n\x1a\n', 'II*\0', 'RIFF', 'OggS', '\0\0\0\x1cftypmif1', '\x1a\x45\xdf\xa3', 'ID3\x04\0\0', '\xff\xfb\x90', 'PK\x03\x04', '\x1f\x8b\x08', 'BM', 'FORM', '\x30\x26\xb2\x75']
    await fc.assert(fc.asyncProperty(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 300 }), async (start, rest) => {
      const sniffed = await sniff(Buffer.concat([Buffer.from(start, 'latin1'), rest]))
      assert.equal('type' in sniffed || 'refused' in sniffed, true)
    }), { numRuns: 300 })
  })

  test('of an MP3 are found behind an ID3 tag and behind junk, and three frames by chance are not enough', async () => {
    // MPEG-1 layer III, 128 kbit/s, 44,100 Hz: 144 * 128,000 / 44,100 = 417 bytes.
    const frame = Buffer.alloc(417)
    frame.set([0xff, 0xfb, 0x90, 0x64])
    const frames = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => frame))
    const tag = Buffer.concat([Buffer.from('49443304000000000164', 'hex'), Buffer.alloc(228)])
    assert.equal(outcome(await sniff(Buffer.concat([tag, frames(4)]))), 'audio/mpeg')
    assert.equal(outcome(await sniff(frames(1))), 'audio/mpeg')
    const junk = Buffer.alloc(5000, 0x99)
    assert.equal(outcome(await sniff(Buffer.concat([junk, frames(4)]))), 'audio/mpeg')
    assert.equal(outcome(await sniff(Buffer.concat([junk, frames(3), junk]))), 'download.not-media')
  })

  test('of an archive that holds a picture are an archive', async () => {
    const zip = Buffer.concat([Buffer.from('504b0304', 'hex'), Buffer.alloc(26), Buffer.from('\xff\xd8\xff', 'latin1')])
    assert.equal(outcome(await sniff(zip)), 'download.not-media')
  })
})

interface Fixture { file: string; expected: string; mime: string }

/** From truth.tsv: the type that the name promises, and the MIME type by file-type 21.3.4 on the whole file. */
function fixtures(folder: string): Fixture[] {
  return readFileSync(join(folder, 'truth.tsv'), 'utf8').trim().split('\n').slice(1).map((line) => {
    const [file, , expected, , mime] = line.split('\t')
    return { file: file!, expected: expected!, mime: mime! }
  })
}

/** Extensions whose files must pass, with the type each must get. */
const MEDIA: Record<string, string> = {
  jpg: 'image/jpeg', png: 'image/png', apng: 'image/apng', gif: 'image/gif', webp: 'image/webp', avif: 'image/avif', heic: 'image/heic', tif: 'image/tiff', bmp: 'image/bmp',
  mp4: 'video/mp4', m4v: 'video/mp4', f4v: 'video/mp4', m4p: 'video/mp4', mov: 'video/quicktime', mkv: 'video/matroska', webm: 'video/webm', avi: 'video/vnd.avi',
  mpg: 'video/mpeg', flv: 'video/x-flv', '3gp': 'video/3gpp', asf: 'video/x-ms-asf',
  mp1: 'audio/mpeg', mp2: 'audio/mpeg', mp3: 'audio/mpeg', aac: 'audio/aac', m4a: 'audio/mp4', m4b: 'audio/mp4', f4a: 'audio/mp4', f4b: 'audio/mp4',
  flac: 'audio/flac', wav: 'audio/wav', ogg: 'audio/ogg', oga: 'audio/ogg', opus: 'audio/ogg', amr: 'audio/amr', aif: 'audio/aiff', ac3: 'audio/ac3',
}

/** Pictures and sounds that no stage behind takes. */
const UNSUPPORTED = new Set(['jxl', 'jp2', 'jls', 'jxr', 'psd', 'ico', 'cur', 'nef', 'rw2', 'mpc', 'dsf', 'it', 'ogx'])

const sniffing = sharedData('sniffing')
describe('131 real files of about 100 formats', { skip: sniffing ? false : 'needs ../shared/data' }, () => {
  for (const { file, expected } of sniffing ? fixtures(sniffing) : []) {
    // JSON under a picture's name: the content decides.
    const wanted = file === 'fixture-json.webp' ? 'download.not-media' : (MEDIA[expected] ?? (UNSUPPORTED.has(expected) ? 'download.unsupported-format' : 'download.not-media'))
    test(`${file} is ${wanted}`, async () => {
      assert.equal(outcome(await sniff(readFileSync(join(sniffing!, file)).subarray(0, HEAD_BYTES))), wanted)
    })
  }
})

/** Not sound at all, and sound behind more junk than is looked at. */
const NO_SOUND = new Set(['1024_incrementing_bytes.mp3', '100kB-garbage-prefix.mp3', 'Twinkle.mid'])

const av = sharedData('av')
describe('real videos and sounds', { skip: av ? false : 'needs ../shared/data' }, () => {
  for (const folder of av ? ['3gp', 'aac', 'amr', 'avi', 'flac', 'flv', 'midi', 'mka', 'mkv', 'mp3', 'mp4', 'ogg', 'ts', 'vp9', 'wav'] : []) {
    test(`all in ${folder} pass, but for what is none`, async () => {
      for (const file of readdirSync(join(av!, folder))) {
        const sniffed = await sniff(readFileSync(join(av!, folder, file)).subarray(0, HEAD_BYTES))
        assert.equal('type' in sniffed, !NO_SOUND.has(file), file)
      }
    })
  }
})
