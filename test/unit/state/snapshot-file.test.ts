import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { DamagedSnapshot, jsonPart, SnapshotReader, writeParts } from '#runtime/state/snapshot-file.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-snapshot-'))
after(() => rmSync(dir, { recursive: true }))
const path = join(dir, 'file')

async function write(parts: Iterable<ArrayBufferView>, signal = new AbortController().signal): Promise<Buffer> {
  const handle = await open(path, 'w')
  try {
    await writeParts(handle, parts, signal)
  } finally {
    await handle.close()
  }
  return readFileSync(path)
}

const NUMBERS = Uint32Array.of(1, 2, 0xffff_ffff)

/** Reads what `write` wrote of a text and three numbers. */
async function readSmall(): Promise<unknown[]> {
  const reader = await SnapshotReader.open(path)
  try {
    const text = await reader.json()
    const numbers = new Uint32Array(3)
    await reader.into(numbers)
    await reader.end()
    return [text, ...numbers]
  } finally {
    await reader.close()
  }
}

test('parts come back as they were given, also long ones and empty ones', async () => {
  // Two and a half pieces of a megabyte, from the middle of a larger memory.
  const long = Uint8Array.from({ length: 2_700_000 }, (_, at) => (at * 7) & 255).subarray(100, 2_621_540)
  await write([jsonPart({ a: ['ä', null] }), long, new Float64Array(0), Float64Array.of(NaN, 1.5)])
  const reader = await SnapshotReader.open(path)
  assert.deepEqual(await reader.json(), { a: ['ä', null] })
  const bytes = new Uint8Array(long.length)
  await reader.into(bytes)
  assert.deepEqual(Buffer.compare(bytes, long), 0)
  await reader.into(new Float64Array(0))
  const doubles = new Float64Array(2)
  await reader.into(doubles)
  assert.deepEqual([...doubles], [NaN, 1.5])
  await reader.end()
  await reader.close()
})

test('the form of a file stays what it is', async () => {
  const length = Buffer.of(2, 0, 0, 0)
  const sum = Buffer.alloc(4)
  sum.writeUInt32LE(crc32(Buffer.concat([length, Buffer.from('42')])))
  assert.deepEqual(await write([jsonPart(42)]), Buffer.concat([Buffer.from('sluice1\n'), length, Buffer.from('42'), sum, Buffer.of(255, 255, 255, 255, 1, 0, 0, 0)]))
})

test('a file that was cut at any length is damaged', async () => {
  const whole = await write([jsonPart('text'), NUMBERS])
  assert.deepEqual(await readSmall(), ['text', 1, 2, 0xffff_ffff])
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length))
    await assert.rejects(readSmall(), DamagedSnapshot, `${length} bytes`)
  }
})

test('a file in which any byte is another is damaged, and so is one with more after its end', async () => {
  const whole = await write([jsonPart('text'), NUMBERS])
  for (let at = 0; at < whole.length; at++) {
    const other = Buffer.from(whole)
    other[at]! ^= 0x10
    writeFileSync(path, other)
    await assert.rejects(readSmall(), `byte ${at}`)
  }
  writeFileSync(path, Buffer.concat([whole, Buffer.of(0)]))
  await assert.rejects(readSmall(), DamagedSnapshot)
})

test('a file of zeros, as a crash of the machine may leave it, is damaged', async () => {
  writeFileSync(path, Buffer.alloc(4_096))
  await assert.rejects(SnapshotReader.open(path), DamagedSnapshot)
})

test('a part of another length than expected is refused before anything is read', async () => {
  await write([NUMBERS])
  const reader = await SnapshotReader.open(path)
  await assert.rejects(reader.into(new Uint32Array(2)), DamagedSnapshot)
  await reader.close()
})

test('writing that is given up leaves no end, and asks for no more parts', async () => {
  const giveUp = new AbortController()
  let asked = 0
  function* parts() {
    for (; asked < 10; asked++) {
      if (asked === 2) giveUp.abort()
      yield NUMBERS
    }
  }
  await assert.rejects(write(parts(), giveUp.signal), { name: 'AbortError' })
  assert.equal(asked, 2)
  const reader = await SnapshotReader.open(path)
  await reader.into(new Uint32Array(3))
  await reader.into(new Uint32Array(3))
  await assert.rejects(reader.end(), DamagedSnapshot)
  await reader.close()
})
