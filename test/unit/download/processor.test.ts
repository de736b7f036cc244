import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { CODES } from '#processors/download/codes.ts'
import type { Fetcher } from '#processors/download/fetcher.ts'
import { download } from '#processors/download/processor.ts'
import { createLog } from '#runtime/log.ts'
import type { AssetSubmitted } from '#schemas'
import { gif, openWorld, verdict, type World } from './world.ts'

const submitted = (uri: string): AssetSubmitted => ({
  assetId: '019aa5a0-0000-7000-8000-000000000001',
  submission: { source: 'shop', sourceId: null, uri, sha256: null, tags: [], nsfw: null, attributes: { a: 'b' }, raw: null, submittedAt: 1 },
})

describe('the download stage', () => {
  let world: World
  beforeEach(async () => { world = await openWorld() })
  afterEach(() => world.close())

  function handle(asset: AssetSubmitted) {
    const fetcher: Fetcher & { close(): Promise<void> } = {
      fetch: (source, expected, _blobs, signal) => world.fetch(source.kind === 'blob' ? `blob:${source.sha256.toString('hex')}` : source.url.href, expected, signal),
      close: async () => {},
    }
    return download.handle!(asset, { blobs: world.blobs, fetcher, signal: new AbortController().signal, log: createLog('test', 'silent') })
  }

  test('adds the content to what it was given, and says nothing twice', async () => {
    const asset = submitted(`${await world.serve((_, response) => response.end(gif()))}/a.gif`)
    const [record, ...others] = await handle(asset)
    assert.deepEqual(others, [])
    const { content, ...rest } = record!.value as { content: { bytes: number; sniffedType: string } }
    assert.deepEqual(rest, asset)
    assert.deepEqual([content.bytes, content.sniffedType, record!.key, record!.topic.name], [43, 'image/gif', asset.assetId, 'asset.downloaded'])
  })

  test('refuses a URI that it does not know before anything is opened', async () => {
    await assert.rejects(async () => handle(submitted('ftp://example.com/a.gif')), verdict('Reject', 'download.unknown-scheme'))
  })

  test('gives every code a meaning', () => {
    for (const [code, meaning] of Object.entries(CODES)) {
      assert.match(code, /^download\.[a-z]+(-[a-z]+)*$/)
      assert.match(meaning, /^[A-Z].*\.$/)
    }
  })
})
