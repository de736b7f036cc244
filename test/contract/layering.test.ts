/** Each rule of the layers must bite: one forbidden line per rule goes through the real configuration. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ESLint } from 'eslint'

const ROOT = join(import.meta.dirname, '..', '..')

/** A file that exists (types are looked up for it), the forbidden line, and what the complaint must say. */
const FORBIDDEN: [file: string, line: string, complaint: RegExp][] = [
  ['runtime/loop/watermark.ts', `import 'kafkajs'`, /ports/],
  ['runtime/loop/watermark.ts', `import '../kafka/client.ts'`, /ports/],
  ['runtime/loop/watermark.ts', `import '../postgres/sink-store.ts'`, /ports/],
  ['runtime/loop/watermark.ts', `import '#topics'`, /nothing of assets/],
  ['runtime/run-stage.ts', `import '#processors/tag/processor.ts'`, /nothing of assets/],
  ['runtime/run-stage.ts', `import 'kafkajs'`, /runtime\/kafka only/],
  ['runtime/kafka/outbox.ts', `import '#topology'`, /nothing of assets/],
  ['runtime/blobs/store.ts', `import 'avsc'`, /bounded-avsc/],
  ['runtime/blobs/store.ts', `export const at = Date.now()`, /clock/],
  ['runtime/blobs/store.ts', `export const home = process.env.HOME`, /config/],
  ['runtime/blobs/store.ts', `export const page = fetch('http://x')`, /one fetch module/],
  ['topics/index.ts', `import '#processors/tag/processor.ts'`, /who reads them/],
  ['processors/tag/processor.ts', `import '../embed/processor.ts'`, /another stage/],
  ['processors/tag/processor.ts', `import '#runtime/kafka/client.ts'`, /through its api/],
  ['processors/tag/processor.ts', `import 'node:fs'`, /no hands/],
  ['processors/tag/processor.ts', `import 'sharp'`, /no hands/],
  ['processors/tag/codes.ts', `import '#topology'`, /does not know the pipeline/],
  ['client/index.ts', `import '#processors/tag/processor.ts'`, /starts quickly/],
  ['runtime/clock.ts', `import '#test/support/stack.ts'`, /Only tests/],
  ['runtime/clock.ts', `console.log('x')`, /console/],
  ['runtime/clock.ts', `systemClock.sleep(1)`, /[Pp]romise/],
]

test('every rule of the layers bites', { timeout: 120_000 }, async (t) => {
  const eslint = new ESLint({ cwd: ROOT })
  for (const [file, line, complaint] of FORBIDDEN) {
    await t.test(`${file}: ${line}`, async () => {
      const text = `${file === 'runtime/clock.ts' ? `declare const systemClock: { sleep(ms: number): Promise<void> }\n` : ''}${line}\n`
      const [result] = await eslint.lintText(text, { filePath: join(ROOT, file) })
      assert.ok(result!.messages.some(({ message }) => complaint.test(message)), JSON.stringify(result!.messages.map(({ message }) => message)))
    })
  }
})
