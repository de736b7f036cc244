import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { CLIP_PREPROCESSING, type ModelCard } from '../../../models/card.ts'
import { pullModel } from '../../../models/pull.ts'

const FILE = Buffer.from('twelve bytes')
const SHA256 = createHash('sha256').update(FILE).digest('hex')

function card(url: string): ModelCard {
  return {
    id: 'pulled', sha256: SHA256, bytes: FILE.length, url,
    input: { name: 'pixels', layout: 'NCHW', size: 224 }, output: { name: 'vector' }, preprocessing: CLIP_PREPROCESSING,
    dimensions: 8, clusterThreshold: 0.7, licence: 'none', description: 'test',
  }
}

async function withServer(listener: RequestListener, run: (url: string, dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-pull-'))
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/model.onnx`, dir)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await rm(dir, { recursive: true })
  }
}

test('a pulled model is installed under its id, and pulled once only', async () => {
  let requests = 0
  await withServer((_, response) => { requests++; response.end(FILE) }, async (url, dir) => {
    const { path } = await pullModel({ dir, model: card(url) })
    await pullModel({ dir, model: card(url) })
    assert.deepEqual(await readFile(path), FILE)
    assert.equal(requests, 1)
  })
})

test('an interrupted pull goes on where it stopped', async () => {
  const ranges: (string | undefined)[] = []
  await withServer((request, response) => {
    ranges.push(request.headers.range)
    response.writeHead(206).end(FILE.subarray(7))
  }, async (url, dir) => {
    await writeFile(join(dir, `.pulled.${SHA256.slice(0, 16)}.part`), FILE.subarray(0, 7))
    const { path } = await pullModel({ dir, model: card(url) })
    assert.deepEqual(ranges, ['bytes=7-'])
    assert.deepEqual(await readFile(path), FILE)
  })
})

test('a server that knows no ranges sends the whole file and it is taken whole', async () => {
  await withServer((_, response) => response.end(FILE), async (url, dir) => {
    await writeFile(join(dir, `.pulled.${SHA256.slice(0, 16)}.part`), FILE.subarray(0, 7))
    assert.deepEqual(await readFile((await pullModel({ dir, model: card(url) })).path), FILE)
  })
})

for (const [what, answer] of [['another file of the same length', Buffer.from('other  bytes')], ['a longer file', Buffer.alloc(1_000)], ['a shorter file', Buffer.alloc(3)]] as const) {
  test(`${what} is refused and nothing is installed`, async () => {
    await withServer((_, response) => response.end(answer), async (url, dir) => {
      await assert.rejects(pullModel({ dir, model: card(url) }), { name: 'Halt', code: 'model.pull-failed' })
      await assert.rejects(readFile(join(dir, 'pulled', 'model.onnx')), { code: 'ENOENT' })
    })
  })
}

test('an error answer is told with its status', async () => {
  await withServer((_, response) => response.writeHead(403).end(), async (url, dir) => {
    await assert.rejects(pullModel({ dir, model: card(url) }), /403/)
  })
})

test('an unknown id is answered with the ids that can be pulled', async () => {
  await assert.rejects(pullModel({ dir: tmpdir(), model: 'nonsense' }), (error: Error & { remedy: string }) => error.remedy.includes('clip-vit-b-32'))
})
