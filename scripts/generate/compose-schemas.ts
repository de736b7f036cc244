/**
 * Puts the facts together into one self-contained Avro schema per topic.
 *
 * A fact is written once, in schemas/facts; `chain.json` says which facts a topic carries, in the order in
 * which the stages learned them. A name ending in `?` may be null.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export type Avro = string | Avro[] | { [key: string]: unknown; type: unknown }
interface Link { doc: string; facts: string[] }

const ASSET_ID = { name: 'assetId', type: 'string', doc: 'UUIDv7, given at the edge, stable for ever.' }

const FACT_DOCS: Record<string, string> = {
  submission: 'What the producer said.', content: 'Learned by download.', normal: 'Learned by normalize.',
  fingerprint: 'Learned by fingerprint.', verdict: 'Decided by dedupe.', embedding: 'Made by embed; null for sound.',
  tags: 'Normalised by tag.', placement: 'Decided by cluster; null without a vector.',
}

/** Every topic's schema by topic name: the composed ones and those written by hand. */
export function composeSchemas(schemasDir: string): Map<string, Avro> {
  const schemas = new Map<string, Avro>()
  const chain = readJson(join(schemasDir, 'facts', 'chain.json')) as Record<string, Link>
  for (const [topic, link] of Object.entries(chain)) schemas.set(topic, composeTopic(topic, link, schemasDir))
  for (const file of readdirSync(schemasDir).filter((name) => name.endsWith('.avsc'))) {
    const topic = file.slice(0, -'.avsc'.length)
    if (!schemas.has(topic)) schemas.set(topic, readJson(join(schemasDir, file)) as Avro)
  }
  return schemas
}

/** The topics whose schema is composed, and so written by the generator. */
export function composedTopics(schemasDir: string): string[] {
  return Object.keys(readJson(join(schemasDir, 'facts', 'chain.json')) as object)
}

/** `asset.submitted` becomes `AssetSubmitted`. */
export function recordName(topic: string): string {
  return topic.split(/[.-]/).map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
}

function composeTopic(topic: string, link: Link, schemasDir: string): Avro {
  const facts = link.facts.map((fact) => factField(fact, schemasDir))
  return { type: 'record', name: recordName(topic), namespace: 'sluice', doc: link.doc, fields: [ASSET_ID, ...facts] }
}

function factField(fact: string, schemasDir: string): object {
  const name = fact.replace('?', '')
  const type = readJson(join(schemasDir, 'facts', `${name}.avsc`))
  const doc = FACT_DOCS[name]
  return fact.endsWith('?') ? { name, type: ['null', type], default: null, doc } : { name, type, doc }
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}
