import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseSource, publicUri, redirectTarget } from '#processors/download/source.ts'
import { verdict } from './world.ts'

const HEX = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

describe('the URI of a submission', () => {
  test('names a web address, a file or a blob', () => {
    assert.equal(parseSource('HTTPS://Example.com/a.jpg').kind, 'http')
    assert.deepEqual(parseSource(`blob:${HEX}`), { kind: 'blob', sha256: Buffer.from(HEX, 'hex') })
    assert.deepEqual(parseSource(`blob:sha256:${HEX.toUpperCase()}`), { kind: 'blob', sha256: Buffer.from(HEX, 'hex') })
    const file = parseSource('file:///srv/a%20picture.jpg')
    assert.equal(file.kind === 'file' && file.path, '/srv/a picture.jpg')
  })

  for (const uri of ['', 'a.jpg', '/srv/a.jpg', '//example.com/a.jpg', 'http://', 'http://a b/', 'http://[::1', 'http://1.2.3.256/',
    'https://user:secret@example.com/', 'https://user@example.com/', 'blob:', 'blob:abc', `blob:${HEX}00`, `blob:md5:${HEX}`, 'blob:../../etc/passwd',
    'file://elsewhere/a.jpg', 'file:///a%2fb', 'file:///a%00b', `http://example.com/${'a'.repeat(8192)}`]) {
    test(`is refused when it is ${uri.slice(0, 40) || 'empty'}`, () => {
      assert.throws(() => parseSource(uri), verdict('Reject', 'download.bad-uri'))
    })
  }

  for (const uri of ['ftp://example.com/a.jpg', 'gopher://x/', 'data:image/gif;base64,R0lG', 's3://bucket/key', 'javascript:alert(1)', 'C:\\a.jpg']) {
    test(`is refused for its scheme when it is ${uri}`, () => {
      assert.throws(() => parseSource(uri), verdict('Reject', 'download.unknown-scheme'))
    })
  }

  test('is kept without credentials, query and fragment', () => {
    const url = new URL('https://user:secret@example.com:8443/a.jpg?token=secret#secret')
    assert.equal(publicUri({ kind: 'http', url }), 'https://example.com:8443/a.jpg')
    assert.equal(publicUri(parseSource(`blob:sha256:${HEX}`)), `blob:${HEX}`)
  })
})

describe('a redirect', () => {
  const from = new URL('https://a.example/x/y?q')

  test('may be absolute, relative to the scheme, to the host or to the path', () => {
    assert.equal(redirectTarget(from, 'https://b.example/z').href, 'https://b.example/z')
    assert.equal(redirectTarget(from, '//b.example/z').href, 'https://b.example/z')
    assert.equal(redirectTarget(from, '/z').href, 'https://a.example/z')
    assert.equal(redirectTarget(from, 'z?p').href, 'https://a.example/x/z?p')
  })

  test('loses its credentials', () => {
    assert.equal(redirectTarget(from, 'https://user:secret@b.example/z').href, 'https://b.example/z')
  })

  test('may go up to https and not down to http', () => {
    assert.equal(redirectTarget(new URL('http://a.example/'), 'https://a.example/').protocol, 'https:')
    assert.throws(() => redirectTarget(from, 'http://a.example/'), verdict('Reject', 'download.redirect-downgrade'))
  })

  for (const location of ['file:///etc/passwd', 'gopher://127.0.0.1/', 'data:image/gif;base64,R0lG', `blob:${HEX}`]) {
    test(`to ${location.slice(0, 30)} is refused`, () => {
      assert.throws(() => redirectTarget(from, location), verdict('Reject', 'download.unknown-scheme'))
    })
  }
})
