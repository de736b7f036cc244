import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gif, openWorld, verdict, type World } from './world.ts'

describe('files on this machine', () => {
  let outer: World
  let world: World
  let root: string
  let outside: string

  beforeEach(async () => {
    outer = await openWorld()
    root = join(outer.dir, 'media')
    outside = join(outer.dir, 'outside')
    await mkdir(root)
    await mkdir(outside)
    await writeFile(join(outside, 'secret.gif'), gif())
    world = await openWorld({ SLUICE_FILE_ROOTS: root, SLUICE_MAX_DOWNLOAD_BYTES: '1000' })
  })
  afterEach(async () => { await world.close(); await outer.close() })

  const fetchPath = (path: string): ReturnType<World['fetch']> => world.fetch(pathToFileURL(path).href)

  test('are taken from an allowed folder and from below it, with the type of their name as the claim', async () => {
    await mkdir(join(root, 'a b'))
    await writeFile(join(root, 'a b', 'picture.png'), gif())
    const fetched = await fetchPath(join(root, 'a b', 'picture.png'))
    assert.deepEqual([fetched.bytes, fetched.sniffedType, fetched.declaredType, fetched.validator], [43, 'image/gif', 'image/png', null])
    assert.equal(fetched.finalUri, pathToFileURL(join(root, 'a b', 'picture.png')).href)
    assert.deepEqual(await world.blobs.read(fetched.sha256), gif())
  })

  test('elsewhere are refused, with the remedy, whether they are there or not', async () => {
    for (const path of [join(outside, 'secret.gif'), join(outside, 'nothing'), '/etc/passwd', root, `${root}-beside/a.gif`, '/']) {
      await assert.rejects(fetchPath(path), { name: 'Reject', code: 'download.file-not-allowed', message: /SLUICE_FILE_ROOTS/ })
    }
  })

  test('are all refused when no folder is allowed', async () => {
    await writeFile(join(root, 'a.gif'), gif())
    await assert.rejects(outer.fetch(pathToFileURL(join(root, 'a.gif')).href), verdict('Reject', 'download.file-not-allowed'))
  })

  for (const path of ['../outside/secret.gif', '%2e%2e/outside/secret.gif', 'x/../../outside/secret.gif', '..%2foutside/secret.gif', '%252e%252e/outside/secret.gif']) {
    test(`are not reached by ${path}`, async () => {
      await assert.rejects(world.fetch(`${pathToFileURL(root).href}/${path}`), { name: 'Reject', code: /^download\.(file-not-allowed|file-not-found|bad-uri)$/ })
      assert.deepEqual(await world.stored(), [])
    })
  }

  test('are not reached by a link out of the folder, to a file or to a folder', async () => {
    await symlink(join(outside, 'secret.gif'), join(root, 'file.gif'))
    await symlink(outside, join(root, 'folder'))
    await assert.rejects(fetchPath(join(root, 'file.gif')), verdict('Reject', 'download.file-not-allowed'))
    await assert.rejects(fetchPath(join(root, 'folder', 'secret.gif')), verdict('Reject', 'download.file-not-allowed'))
  })

  test('may be named by a link that stays in the folder, and the folder itself may be one', async () => {
    await writeFile(join(root, 'real.gif'), gif())
    await symlink(join(root, 'real.gif'), join(root, 'link.gif'))
    assert.equal((await fetchPath(join(root, 'link.gif'))).bytes, 43)
    const linkedRoot = join(outer.dir, 'linked')
    await symlink(root, linkedRoot)
    const linked = await openWorld({ SLUICE_FILE_ROOTS: linkedRoot })
    assert.equal((await linked.fetch(pathToFileURL(join(linkedRoot, 'real.gif')).href)).bytes, 43)
    await linked.close()
  })

  test('that are folders, pipes or devices are refused without waiting for them', async () => {
    await mkdir(join(root, 'folder.gif'))
    execFileSync('mkfifo', [join(root, 'pipe.gif')])
    for (const name of ['folder.gif', 'pipe.gif']) {
      await assert.rejects(fetchPath(join(root, name)), verdict('Reject', 'download.file-not-allowed'))
    }
  })

  test('that are not there are refused', async () => {
    await assert.rejects(fetchPath(join(root, 'nothing.gif')), verdict('Reject', 'download.file-not-found'))
    await writeFile(join(root, 'a.gif'), gif())
    await assert.rejects(fetchPath(join(root, 'a.gif', 'below')), verdict('Reject', 'download.file-not-found'))
  })

  test('are held to the limit, to their content and to their hash like any other', async () => {
    await writeFile(join(root, 'big.gif'), gif(1001))
    await assert.rejects(fetchPath(join(root, 'big.gif')), verdict('Reject', 'download.too-big'))
    await writeFile(join(root, 'empty.gif'), '')
    await assert.rejects(fetchPath(join(root, 'empty.gif')), verdict('Reject', 'download.empty'))
    await writeFile(join(root, 'list.mp4'), '#EXTM3U\n/etc/passwd')
    await assert.rejects(fetchPath(join(root, 'list.mp4')), verdict('Reject', 'download.not-media'))
    await writeFile(join(root, 'a.gif'), gif())
    await assert.rejects(world.fetch(pathToFileURL(join(root, 'a.gif')).href, Buffer.alloc(32)), verdict('Reject', 'download.wrong-hash'))
  })
})

describe('blobs', () => {
  let world: World
  beforeEach(async () => { world = await openWorld() })
  afterEach(() => world.close())

  test('that are in the store are judged where they are', async () => {
    const sha256 = await world.blobs.put(gif())
    assert.deepEqual(await world.fetch(`blob:sha256:${sha256.toString('hex')}`), {
      sha256, bytes: 43, sniffedType: 'image/gif', declaredType: null, finalUri: `blob:${sha256.toString('hex')}`, validator: null,
    })
  })

  test('of a hundred thousand bytes are judged by their beginning, as when they were fetched', async () => {
    const bytes = gif(100_000)
    const sha256 = await world.blobs.put(bytes)
    assert.deepEqual([(await world.fetch(`blob:${sha256.toString('hex')}`)).bytes], [100_000])
  })

  test('that are missing are asked for later', async () => {
    await assert.rejects(world.fetch(`blob:${'ab'.repeat(32)}`), verdict('RetryLater', 'blob.missing'))
  })

  test('that are no media, or not those that were named, are refused', async () => {
    const text = await world.blobs.put(Buffer.from('plain text'))
    await assert.rejects(world.fetch(`blob:${text.toString('hex')}`), verdict('Reject', 'download.not-media'))
    const picture = await world.blobs.put(gif())
    await assert.rejects(world.fetch(`blob:${picture.toString('hex')}`, text), verdict('Reject', 'download.wrong-hash'))
    const empty = await world.blobs.put(Buffer.alloc(0))
    await assert.rejects(world.fetch(`blob:${empty.toString('hex')}`), verdict('Reject', 'download.empty'))
  })
})
