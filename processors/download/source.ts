/** What a submitted URI asks for. */
import { fileURLToPath } from 'node:url'
import { Reject } from '#runtime/api.ts'

export type Source =
  | { kind: 'http'; url: URL }
  | { kind: 'file'; url: URL; path: string }
  | { kind: 'blob'; sha256: Buffer }

/** Longer ones are refused by common servers, and every one is copied into each record. */
const MAX_URI_CHARACTERS = 8192

const SCHEME = /^([a-z][a-z0-9+.-]*):/i
const BLOB = /^blob:(?:sha256:)?([0-9a-f]{64})$/i

/** @throws Reject `download.bad-uri`, `download.unknown-scheme` */
export function parseSource(uri: string): Source {
  if (uri.length > MAX_URI_CHARACTERS) throw badUri(`it has ${uri.length} characters, more than ${MAX_URI_CHARACTERS}`)
  const scheme = SCHEME.exec(uri)?.[1]?.toLowerCase()
  if (scheme === undefined) throw badUri('it has no scheme; a path is written file:///path')
  if (scheme === 'blob') return parseBlob(uri)
  if (scheme === 'file') return parseFile(uri)
  if (scheme === 'http' || scheme === 'https') return { kind: 'http', url: parseHttp(uri) }
  throw unknownScheme(`${scheme}:`)
}

/** The URI as it may be kept and shown: without credentials, query and fragment, which often hold secrets. */
export function publicUri(source: Source): string {
  if (source.kind === 'blob') return `blob:${source.sha256.toString('hex')}`
  const url = new URL(source.url)
  url.username = ''
  url.password = ''
  url.search = ''
  url.hash = ''
  return url.href
}

/**
 * Where a redirect leads. Credentials in it are dropped, never sent.
 * @throws Reject `download.bad-uri`, `download.unknown-scheme`, `download.redirect-downgrade`
 */
export function redirectTarget(from: URL, location: string): URL {
  const url = parseUrl(location, from)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw unknownScheme(`a redirect to ${url.protocol}`)
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    throw new Reject('download.redirect-downgrade', `${from.host} redirects from https to http`)
  }
  url.username = ''
  url.password = ''
  return url
}

function parseBlob(uri: string): Source {
  const hex = BLOB.exec(uri)?.[1]
  if (hex === undefined) throw badUri('a blob URI is blob:<64 hexadecimal digits>')
  return { kind: 'blob', sha256: Buffer.from(hex, 'hex') }
}

function parseFile(uri: string): Source {
  const url = parseUrl(uri)
  try {
    const path = fileURLToPath(url)
    if (path.includes('\0')) throw new TypeError('a NUL character in a path')
    return { kind: 'file', url, path }
  } catch (cause) {
    throw badUri('it names no path on this machine; write file:///path', cause)
  }
}

function parseHttp(uri: string): URL {
  const url = parseUrl(uri)
  if (url.username !== '' || url.password !== '') throw badUri('it carries credentials, which are never sent')
  return url
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href)
  if (url === null) throw badUri('it cannot be parsed')
  return url
}

function badUri(why: string, cause?: unknown): Reject {
  return new Reject('download.bad-uri', `not a usable URI: ${why}`, { cause })
}

function unknownScheme(what: string): Reject {
  return new Reject('download.unknown-scheme', `${what} is not among http, https, file and blob`)
}
