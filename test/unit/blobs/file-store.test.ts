import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { DirectorySync } from '#runtime/blobs/directory-sync.ts'
import { errnoOf, verdictOnFileError } from '#runtime/blobs/file-errors.ts'
import { openFileStore } from '#runtime/blobs/file-store.ts'
import type { BlobStore } from '#runtime/blobs/store.ts'
import { systemClock } from '#runtime/clock.ts'
import { Halt, Reject, RetryLater } from '#runtime/errors.ts'

/** FIPS 180-2, appendix B.1: the digest of "abc". */
const ABC = Buffer.from('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'hex')

describe('the blob store on a folder', () => {
  let dir: string
  let store: BlobStore
  let synced: string[]

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'blobs-'))
    synced = []
    store = await openFileStore({ dir, clock: systemClock, syncs: new DirectorySync(async (path) => { synced.push(path) }) })
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  const temporaries = (): Promise<string[]> => readdir(join(dir, 'tmp'))
  const pathOfAbc = (): string => join(dir, 'ba', '78', ABC.toString('hex'))

  test('puts bytes where their SHA-256 says, and gives them back', async () => {
    assert.deepEqual(await store.put(Buffer.from('abc')), ABC)
    assert.equal(store.pathOf(ABC), pathOfAbc())
    assert.equal(await readFile(pathOfAbc(), 'latin1'), 'abc')
    assert.deepEqual(await store.read(ABC), Buffer.from('abc'))
    assert.equal(await store.sizeOf(ABC), 3)
  })

  test('nobody may write to a blob once it has a name', async () => {
    await store.put(Buffer.from('abc'))
    assert.equal((await stat(pathOfAbc())).mode & 0o222, 0)
  })

  test('the new name and the new folders on its way are synced before the put resolves', async () => {
    await store.put(Buffer.from('abc'))
    assert.deepEqual(synced, [dir, join(dir, 'ba'), join(dir, 'ba', '78')])
  })

  test('bytes that are there already are not written again', async () => {
    await store.put(Buffer.from('abc'))
    const before = await stat(pathOfAbc())
    synced.length = 0
    await store.put(Buffer.from('abc'))
    const writer = await store.create()
    await writer.write(Buffer.from('abc'))
    assert.deepEqual(await writer.commit(), { sha256: ABC, bytes: 3 })
    const after = await stat(pathOfAbc())
    assert.deepEqual([after.ino, after.mtimeMs], [before.ino, before.mtimeMs])
    assert.deepEqual(synced, [])
  })

  test('a blob that comes in pieces is hidden until it is committed', async () => {
    const piece = Buffer.alloc(300_000, 'x')
    const address = createHash('sha256').update(piece).update(piece).digest()
    const writer = await store.create()
    await writer.write(piece)
    await writer.write(piece)
    assert.equal((await temporaries()).length, 1)
    assert.deepEqual(writer.digest(), address)
    assert.equal(await store.has(address), false)
    assert.deepEqual(await writer.commit(), { sha256: address, bytes: 600_000 })
    assert.deepEqual(await store.read(address), Buffer.concat([piece, piece]))
    assert.deepEqual(await temporaries(), [])
  })

  test('a caller may reuse the memory of a chunk', async () => {
    const writer = await store.create()
    const chunk = Buffer.from('abc')
    await writer.write(chunk)
    chunk.fill(0)
    await writer.commit()
    assert.equal((await store.read(ABC)).toString(), 'abc')
  })

  test('a small blob touches no file until its address is known', async () => {
    const writer = await store.create()
    await writer.write(Buffer.from('abc'))
    assert.deepEqual(await temporaries(), [])
    await writer.abort()
    assert.equal(await store.has(ABC), false)
  })

  test('an aborted blob leaves nothing behind, and aborting after a commit is harmless', async () => {
    const aborted = await store.create()
    await aborted.write(Buffer.alloc(300_000))
    await aborted.abort()
    assert.deepEqual(await temporaries(), [])
    const writer = await store.create()
    await writer.write(Buffer.from('abc'))
    await writer.commit()
    await writer.abort()
    assert.equal(await store.has(ABC), true)
  })

  test('twenty writers of the same bytes at once all succeed, and one file stands', async () => {
    await Promise.all(Array.from({ length: 20 }, () => store.put(Buffer.from('abc'))))
    assert.deepEqual(await readdir(join(dir, 'ba', '78')), [ABC.toString('hex')])
    assert.deepEqual(await temporaries(), [])
  })

  test('a store whose shard folders were removed makes them again', async () => {
    await store.put(Buffer.from('abc'))
    await rm(join(dir, 'ba'), { recursive: true })
    await store.put(Buffer.from('abc'))
    assert.equal(await store.has(ABC), true)
  })

  test('a missing blob is asked for later: a shared folder may show it late', async () => {
    await assert.rejects(store.read(ABC), (error) => error instanceof RetryLater && error.code === 'blob.missing')
    await assert.rejects(store.stream(ABC).toArray(), (error) => error instanceof RetryLater && error.code === 'blob.missing')
    assert.equal(await store.has(ABC), false)
    assert.equal(await store.sizeOf(ABC), undefined)
  })

  test('a blob above the reader\'s limit is rejected without being read', async () => {
    await store.put(Buffer.from('abc'))
    await truncate(pathOfAbc(), 2 ** 40)
    await assert.rejects(store.read(ABC, 1000), (error) => error instanceof Reject && error.code === 'blob.too-big')
  })

  test('a blob of exactly the limit is read', async () => {
    await store.put(Buffer.from('abc'))
    assert.equal((await store.read(ABC, 3)).length, 3)
    await assert.rejects(store.read(ABC, 2), Reject)
  })

  test('a stream gives all bytes in order', async () => {
    const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, index) => index % 251))
    const sha256 = await store.put(bytes)
    assert.deepEqual(Buffer.concat(await store.stream(sha256).toArray()), bytes)
  })

  test('an empty blob is a blob', async () => {
    const sha256 = await store.put(Buffer.alloc(0))
    assert.equal(await store.sizeOf(sha256), 0)
  })

  test('what is no SHA-256 never becomes a path', () => {
    assert.throws(() => store.pathOf(Buffer.from('../../etc/passwd')), RangeError)
  })

  test('a link in the place of a blob is no blob, and is never followed', async () => {
    const secret = join(dir, 'secret')
    await writeFile(secret, 'secret')
    await mkdir(join(dir, 'ba', '78'), { recursive: true })
    await symlink(secret, pathOfAbc())
    assert.equal(await store.has(ABC), false)
    await assert.rejects(store.read(ABC))
  })

  test('a link in the place of a shard leads nowhere: the store halts', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'outside-'))
    await symlink(outside, join(dir, 'ba'))
    await assert.rejects(store.put(Buffer.from('abc')), (error) => error instanceof Halt && error.code === 'blob.unusable')
    assert.deepEqual(await readdir(outside), [])
    assert.deepEqual(await temporaries(), [])
    await rm(outside, { recursive: true })
  })

  test('opening sweeps temporary files older than a day and leaves younger ones', async () => {
    const day = 24 * 3600
    const nowSeconds = Math.floor(Date.now() / 1000)
    for (const [name, ageSeconds] of [['old', day + 60], ['young', day - 60]] as const) {
      await writeFile(join(dir, 'tmp', name), 'half a bl')
      await utimes(join(dir, 'tmp', name), nowSeconds - ageSeconds, nowSeconds - ageSeconds)
    }
    await openFileStore({ dir, clock: systemClock })
    assert.deepEqual(await temporaries(), ['young'])
  })

  test('a folder that may not be written halts the stage with its remedy', { skip: process.getuid?.() === 0 && 'root may write everywhere' }, async () => {
    await chmod(join(dir, 'tmp'), 0o500)
    await assert.rejects(store.put(Buffer.from('abc')), (error) => error instanceof Halt && error.remedy.includes('SLUICE_BLOBS'))
    await chmod(join(dir, 'tmp'), 0o700)
  })

  test('a full disk is a reason to wait for room', { skip: existsSync('/dev/full') ? false : 'needs /dev/full' }, async () => {
    const full: unknown = await writeFile('/dev/full', 'abc').then(() => undefined, (error: unknown) => error)
    assert.equal(errnoOf(full), 'ENOSPC')
    const verdict = verdictOnFileError(full)
    assert.ok(verdict instanceof RetryLater)
    assert.equal(verdict.code, 'blob.disk-full')
    assert.equal(verdict.afterMs, 60_000)
  })
})
