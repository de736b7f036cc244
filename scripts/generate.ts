/**
 * `npm run generate`: writes everything that is derived and committed. With `--check` it writes nothing and
 * fails when a file differs from what it would write.
 */
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { composeSchemas, composedTopics } from './generate/compose-schemas.ts'
import { renderTopology, withPicture } from './generate/topology-picture.ts'
import { renderTypes } from './generate/typescript-types.ts'

const ROOT = join(import.meta.dirname, '..')

/** Path (from the root) and text of every generated file. The topology is loaded late: it needs the generated types. */
export async function generatedFiles(): Promise<Map<string, string>> {
  const schemasDir = join(ROOT, 'schemas')
  const schemas = composeSchemas(schemasDir)
  const files = new Map<string, string>()
  for (const topic of composedTopics(schemasDir)) {
    files.set(`schemas/${topic}.avsc`, JSON.stringify(schemas.get(topic), null, 2) + '\n')
  }
  files.set('schemas/generated/types.ts', renderTypes(schemas))
  const { topology } = await import('#topology')
  files.set('topology.ts', withPicture(readFileSync(join(ROOT, 'topology.ts'), 'utf8'), renderTopology(topology)))
  return files
}

/** Generated files that differ from what is on disk. */
export async function staleFiles(): Promise<string[]> {
  return [...(await generatedFiles())].filter(([path, text]) => readOrEmpty(join(ROOT, path)) !== text).map(([path]) => path)
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

async function writeAll(): Promise<void> {
  for (const [path, text] of await generatedFiles()) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true })
    writeFileSync(join(ROOT, path), text)
  }
}

if (import.meta.main) {
  const stale = await staleFiles()
  if (process.argv.includes('--check')) {
    for (const path of stale) console.error(`${path} is not what \`npm run generate\` makes of its sources: run it and commit.`)
    process.exitCode = stale.length > 0 ? 1 : 0
  } else {
    await writeAll()
    console.log(stale.length === 0 ? 'nothing changed' : stale.join('\n'))
  }
}
