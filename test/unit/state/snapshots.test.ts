import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '#runtime/clock.ts'
import type { StatefulProcessor } from '#runtime/define/processor.ts'
import { createLog } from '#runtime/log.ts'
import { Snapshots, type SnapshotsParts } from '#runtime/state/snapshots.ts'
import type { StatePoint } from '#runtime/loop/ports.ts'
import { counting } from '#test/support/sample-stage.ts'

const root = mkdtempSync(join(tmpdir(), 'sluice-snapshots-'))
after(() => rmSync(root, { recursive: true }))
let folders = 0

/** A state of bytes, which it gives as its only part. */
class Bytes {
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) { this.bytes = bytes }
  apply(): void {}
}

/** The sample stage with a snapshot of one part. */
function stage(changes: object = {}, layout = 1): StatefulProcessor {
  const snapshot = {
    layout,
    partsOf: (state: Bytes) => [state.bytes],
    restore: async (parts: { into(cells: ArrayBufferView): Promise<void> }) => {
      const bytes = new Uint8Array(3)
      await parts.into(bytes)
      return new Bytes(bytes)
    },
  }
  return { ...counting, ...changes, state: { ...counting.state, snapshot } } as unknown as StatefulProcessor
}

function open(parts: Partial<SnapshotsParts> = {}): Snapshots & { dir: string } {
  const dir = parts.dir ?? join(root, `folder ${folders++}`)
  const snapshots = new Snapshots({ dir, groupId: 'app.count', processor: stage(), changelogId: async () => 'first', everyOffsets: 200_000, clock: systemClock, log: createLog('test', 'silent'), ...parts })
  return Object.assign(snapshots, { dir })
}

const point = (changelogNext: number, ...bytes: number[]): StatePoint => ({ state: new Bytes(Uint8Array.from(bytes)), changelogNext, position: changelogNext + 7 })

async function loaded(snapshots: Snapshots, partition = 0): Promise<unknown> {
  const found = await snapshots.load(partition)
  return found && [...(found.state as Bytes).bytes, found.changelogNext, found.position]
}

test('a process finds what an earlier one left at its end', async () => {
  const first = open()
  assert.equal(await loaded(first), undefined)
  await first.saveAtEnd(0, point(50_000, 1, 2, 3))
  assert.deepEqual(await loaded(open({ dir: first.dir })), [1, 2, 3, 50_000, 50_007])
  assert.equal(await loaded(first, 1), undefined, 'another partition')
})

test('a snapshot is due after 200,000 offsets, and in a large state after a twentieth of the whole', async () => {
  const snapshots = open()
  await snapshots.load(0)
  const saved = async (changelogNext: number): Promise<boolean> => {
    await snapshots.saveWhenDue(0, point(changelogNext, 0, 0, 0))
    await snapshots.saveAtEnd(0, point(0)) // waits for the file
    return (await open({ dir: snapshots.dir }).load(0))?.changelogNext === changelogNext
  }
  assert.equal(await saved(199_999), false)
  assert.equal(await saved(200_000), true)
  assert.equal(await saved(399_999), false)
  assert.equal(await saved(6_000_000), true)
  // 5 % of 6,315,790 are 315,789.5.
  assert.equal(await saved(6_315_789), false)
  assert.equal(await saved(6_315_790), true)
})

test('at the end of a process few new entries are not worth a snapshot', async () => {
  const snapshots = open()
  await snapshots.saveAtEnd(0, point(60_000, 1, 2, 3))
  await snapshots.saveAtEnd(0, point(109_999, 4, 5, 6))
  assert.deepEqual(await loaded(open({ dir: snapshots.dir })), [1, 2, 3, 60_000, 60_007])
})

const evolved = { ...counting.state.changelog, schema: { ...counting.state.changelog.schema, doc: 'changed' } }

for (const [what, parts] of Object.entries<Partial<SnapshotsParts>>({
  'a changelog that was created anew': { changelogId: async () => 'second' },
  'another version of the stage': { processor: stage({ version: 2 }) },
  'another layout of the state': { processor: stage({}, 2) },
  'another schema of the changelog\'s values': { processor: { ...stage(), state: { ...stage().state, changelog: evolved } } as unknown as StatefulProcessor },
})) {
  test(`a snapshot of ${what} is ignored`, async () => {
    const first = open()
    await first.saveAtEnd(0, point(50_000, 1, 2, 3))
    assert.equal(await loaded(open({ dir: first.dir, ...parts })), undefined)
    assert.deepEqual(await loaded(open({ dir: first.dir })), [1, 2, 3, 50_000, 50_007], 'it is still there for who can use it')
  })
}

test('a snapshot that was cut at any length is ignored', async () => {
  const first = open()
  await first.saveAtEnd(0, point(50_000, 1, 2, 3))
  const path = join(first.dir, readdirSync(first.dir)[0]!)
  const whole = readFileSync(path)
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length))
    assert.equal(await loaded(open({ dir: first.dir })), undefined, `${length} bytes`)
  }
})

test('a folder that cannot be written is a warning, and the last snapshot stays', async () => {
  const file = join(root, 'a file')
  writeFileSync(file, '')
  const snapshots = open({ dir: join(file, 'below') })
  await snapshots.saveAtEnd(0, point(50_000, 1, 2, 3))
  assert.equal(await loaded(snapshots), undefined)
})

test('writing that fails half way leaves the last snapshot and no other file', async () => {
  const first = open()
  await first.saveAtEnd(0, point(50_000, 1, 2, 3))
  const processor = stage()
  function* failing() {
    yield Uint8Array.of(9, 9, 9)
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  }
  processor.state.snapshot!.partsOf = failing
  const second = open({ dir: first.dir, processor })
  await second.saveAtEnd(0, point(500_000, 9, 9, 9))
  assert.equal(readdirSync(first.dir).length, 1)
  assert.deepEqual(await loaded(open({ dir: first.dir })), [1, 2, 3, 50_000, 50_007])
})

test('a disk that does not answer is given up, and what it wrote later is not the snapshot', async () => {
  const hanging = Promise.withResolvers<string>()
  const atOnce = { ...systemClock, after: (_: number, run: () => void) => (setImmediate(run), () => {}) }
  const snapshots = open({ changelogId: () => hanging.promise, clock: atOnce })
  await snapshots.saveAtEnd(0, point(50_000, 1, 2, 3))
  hanging.resolve('first')
  const second = open({ dir: snapshots.dir })
  await second.saveAtEnd(1, point(50_000, 4, 5, 6)) // by now the first has ended too
  assert.equal(await loaded(second), undefined)
})

test('two processes that write at the same time leave one whole snapshot', async () => {
  const [a, b] = [open(), open()]
  const other = open({ dir: a.dir })
  await Promise.all([a.saveAtEnd(0, point(50_000, 1, 1, 1)), other.saveAtEnd(0, point(60_000, 2, 2, 2)), b.saveAtEnd(0, point(50_000, 1, 1, 1))])
  const found = await loaded(open({ dir: a.dir }))
  assert.ok([[1, 1, 1, 50_000, 50_007], [2, 2, 2, 60_000, 60_007]].some((one) => String(one) === String(found)), String(found))
  assert.equal(readdirSync(a.dir).length, 1)
})

test('what a process that died left half written goes when it is old, and not before', async () => {
  const first = open()
  await first.saveAtEnd(0, point(50_000, 1, 2, 3))
  const [name] = readdirSync(first.dir)
  for (const [which, ageMs] of [['old', 3_600_000], ['young', 1_000]] as const) {
    writeFileSync(join(first.dir, `${name}.${which}.tmp`), 'half')
    utimesSync(join(first.dir, `${name}.${which}.tmp`), new Date(Date.now() - ageMs), new Date(Date.now() - ageMs))
  }
  mkdirSync(join(first.dir, 'others'))
  await first.saveAtEnd(0, point(150_000, 4, 5, 6))
  assert.deepEqual(readdirSync(first.dir).sort(), [name, `${name}.young.tmp`, 'others'].sort())
})

test('a snapshot that was discarded is not found again, and the next one is due as after none', async () => {
  const snapshots = open()
  await snapshots.saveAtEnd(0, point(50_000, 1, 2, 3))
  await snapshots.discard(0)
  assert.equal(await loaded(open({ dir: snapshots.dir })), undefined)
  await snapshots.saveAtEnd(0, point(50_000, 4, 5, 6))
  assert.deepEqual(await loaded(open({ dir: snapshots.dir })), [4, 5, 6, 50_000, 50_007])
})

test('a stage without a snapshot has nothing to load or to save', async () => {
  const snapshots = open({ processor: counting as unknown as StatefulProcessor })
  await snapshots.saveAtEnd(0, point(1_000_000))
  assert.equal(await snapshots.load(0), undefined)
})
