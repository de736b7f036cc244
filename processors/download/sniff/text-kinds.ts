/** Text of every kind. No format that is taken is text, and several that are dangerous to a decoder are: playlists, SVG. */

type Refused = { refused: 'download.html' | 'download.not-media'; what: string }

const LOOKED_AT_BYTES = 4096

/** Undefined when the bytes are not text. */
export function textKind(head: Buffer): Refused | undefined {
  const text = decode(head.subarray(0, LOOKED_AT_BYTES))
  if (text === undefined) return undefined
  const start = text.trimStart().toLowerCase()
  if (isHtml(start)) return { refused: 'download.html', what: 'a web page (HTML)' }
  const kind = KINDS.find(([pattern]) => pattern.test(start))?.[1]
  if (kind === undefined && !isPlain(text)) return undefined
  return { refused: 'download.not-media', what: kind ?? 'plain text' }
}

/** Without a kind, bytes are text only if nearly all of them are ASCII or they come in UTF-16: noise may lack control characters too. */
function isPlain(text: string): boolean {
  const foreign = text.match(/[\x80-\xff]/g)?.length ?? 0
  return foreign * 4 < text.length
}

/** Tags that only web pages begin with, by the MIME Sniffing Standard, section 7.1. */
const HTML_START = /^<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[\s>]/
const MARKUP_PREFIX = /^(?:<\?xml[^>]*>|<!--[\s\S]*?-->|\s+)+/

function isHtml(start: string): boolean {
  return HTML_START.test(start.replace(MARKUP_PREFIX, ''))
}

const KINDS: [RegExp, string][] = [
  [/^#extm3u/, 'a playlist (HLS)'],
  [/^ffconcat version/, 'a playlist (concat)'],
  [/^\[playlist\]/, 'a playlist (PLS)'],
  [/^v=0\r?\n/, 'a session description (SDP)'],
  [/^%pdf-/, 'a PDF document'],
  [/^(?:%!ps|\xc5\xd0\xd3\xc6)/, 'a PostScript document'],
  [/^\{\\rtf/, 'an RTF document'],
  [/^webvtt/, 'subtitles (WebVTT)'],
  [/^(?:[^<]|<[!?])*<svg[\s>]|^<svg[\s>]/, 'a vector drawing (SVG)'],
  [/^(?:<\?xml[^>]*>\s*)?<mpd[\s>]|<mpd\s[^>]*urn:mpeg:dash/, 'a playlist (DASH)'],
  [/^<smil|^<asx|^<\?wpl/, 'a playlist'],
  [/^[[{]\s*["[{\d\]}tfn-]/, 'a JSON document'],
  [/^</, 'an XML document'],
]

/** Control characters that occur in no text. (MIME Sniffing Standard, "binary data byte") */
const BINARY = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/

function decode(head: Buffer): string | undefined {
  if (head.length === 0) return undefined
  if (head[0] === 0xff && head[1] === 0xfe) return head.toString('utf16le', 2, head.length & ~1)
  if (head[0] === 0xfe && head[1] === 0xff) return Buffer.from(head.subarray(2, head.length & ~1)).swap16().toString('utf16le')
  const text = head.toString('latin1').replace(/^\xef\xbb\xbf/, '')
  // A PDF is text for its first line only.
  return BINARY.test(text) && !/^\s*%(?:pdf-|!ps)/i.test(text) ? undefined : text
}
