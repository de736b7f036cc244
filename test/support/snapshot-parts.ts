/** A snapshot in memory. */
import assert from 'node:assert/strict'
import type { SnapshotParts } from '#runtime/api.ts'

/** Copies the parts as a file would hold them. */
export function copied(parts: Iterable<ArrayBufferView>): Buffer[] {
  return Array.from(parts, ({ buffer, byteOffset, byteLength }) => Buffer.from(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)))
}

/** Reads copies back; every part must be asked for, with its own length. */
export async function restored<St>(copies: Buffer[], restore: (parts: SnapshotParts) => Promise<St>): Promise<St> {
  const rest = [...copies]
  const state = await restore({
    async into({ buffer, byteOffset, byteLength }) {
      const part = rest.shift()!
      assert.equal(byteLength, part.length)
      new Uint8Array(buffer, byteOffset, byteLength).set(part)
    },
    json: async () => JSON.parse(rest.shift()!.toString()) as unknown,
  })
  assert.equal(rest.length, 0, 'parts that nobody asked for')
  return state
}

/** Byte for byte; buffers that are read again are copied first. */
export function assertSameParts(actual: Iterable<ArrayBufferView>, expected: Iterable<ArrayBufferView>): void {
  const [found, wanted] = [copied(actual), copied(expected)]
  assert.equal(found.length, wanted.length)
  found.forEach((part, at) => assert.ok(part.equals(wanted[at]!), `part ${at} differs`))
}
