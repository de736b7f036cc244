import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DirectorySync } from '#runtime/blobs/directory-sync.ts'

/** Syncs that end when the test says so. */
function manualSyncs(): { started: string[]; end(path: string, error?: Error): void; sync(path: string): Promise<void> } {
  const started: string[] = []
  const ends = new Map<string, { resolve(): void; reject(error: Error): void }>()
  return {
    started,
    end: (path, error) => (error ? ends.get(path)!.reject(error) : ends.get(path)!.resolve()),
    sync: (path) => new Promise((resolve, reject) => { started.push(path); ends.set(path, { resolve, reject }) }),
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('syncing directories', () => {
  test('whoever comes during a round shares the next one, and a directory is synced once in it', async () => {
    const disk = manualSyncs()
    const syncs = new DirectorySync(disk.sync)
    const first = syncs.sync('a')
    await turn()
    const later = [syncs.sync('b'), syncs.sync('b'), syncs.sync('b')]
    await turn()
    assert.deepEqual(disk.started, ['a'])
    disk.end('a')
    await first
    await turn()
    assert.deepEqual(disk.started, ['a', 'b'])
    disk.end('b')
    await Promise.all(later)
  })

  test('a directory whose sync is under way is synced again for a later rename', async () => {
    const disk = manualSyncs()
    const syncs = new DirectorySync(disk.sync)
    const first = syncs.sync('a')
    await turn()
    const second = syncs.sync('a')
    disk.end('a')
    await first
    await turn()
    assert.deepEqual(disk.started, ['a', 'a'])
    disk.end('a')
    await second
  })

  test('a failed round fails those who wait for it, and not the next ones', async () => {
    const disk = manualSyncs()
    const syncs = new DirectorySync(disk.sync)
    const first = syncs.sync('a')
    await turn()
    const second = syncs.sync('b')
    disk.end('a', new Error('the disk is gone'))
    await assert.rejects(first, /the disk is gone/)
    await turn()
    disk.end('b')
    await second
  })

  test('settled waits for a sync under way and for nothing else', async () => {
    const disk = manualSyncs()
    const syncs = new DirectorySync(disk.sync)
    const first = syncs.sync('a')
    await turn()
    let settled = false
    const waiting = syncs.settled('a').then(() => { settled = true })
    await syncs.settled('another')
    await turn()
    assert.equal(settled, false)
    disk.end('a')
    await Promise.all([first, waiting])
    assert.equal(settled, true)
  })
})
