/**
 * `node scripts/release-schemas.ts vN`: keeps the present schemas and a record of each as version N, for ever. Run it
 * when a schema is released; a released version is never written again.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { avro } from '#runtime/avro/bounded-avsc.ts'

const SCHEMAS = join(import.meta.dirname, '..', 'schemas')
const ASSET_ID = '0192f0c1-0000-7000-8000-000000000001'

const version = process.argv[2] ?? ''
if (!/^v\d+$/.test(version)) {
  console.error('usage: node scripts/release-schemas.ts vN')
  process.exit(2)
}

for (const file of readdirSync(SCHEMAS).filter((name) => name.endsWith('.avsc'))) {
  const topic = file.slice(0, -'.avsc'.length)
  const text = readFileSync(join(SCHEMAS, file), 'utf8')
  const folder = join(SCHEMAS, 'released', topic)
  if (existsSync(join(folder, `${version}.avsc`))) throw new Error(`${topic} ${version} is released already`)
  const type = avro.Type.forSchema(JSON.parse(text))
  const value = { ...(type.random() as object), assetId: ASSET_ID }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${version}.avsc`), text)
  writeFileSync(join(folder, `${version}.bin`), type.toBuffer(value))
}
