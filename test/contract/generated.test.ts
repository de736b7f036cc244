import assert from 'node:assert/strict'
import { test } from 'node:test'
import { staleFiles } from '../../scripts/generate.ts'

test('what is generated is what its sources make', async () => {
  assert.deepEqual(await staleFiles(), [], 'run `npm run generate` and commit')
})
