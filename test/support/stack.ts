/** The real Kafka, registry and Postgres for a test file: those of the environment, or a private stack of its own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { startStack, type Stack } from '#stack/stack.ts'

type Part = 'kafka' | 'registry' | 'postgres'

/**
 * Stopped, with its folder, when the test file ends. Call it at top level: inside a hook its own `after` runs too early.
 * A test that strikes the servers or looks at their disks wants its `own`.
 */
export async function stackFor(parts: Part[], { own = false } = {}): Promise<Stack> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  const stack = await startStack({ dir, parts, ...(own ? { env: {} } : {}) })
  after(async () => {
    await stack.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  return stack
}
