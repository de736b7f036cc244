import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'

interface Service {
  command?: string[]
  image?: string
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  healthcheck?: { test: string[] }
  depends_on?: Record<string, { condition: string }>
}

const root = join(import.meta.dirname, '..', '..', '..')
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
const { services, volumes } = parse(text, { merge: true }) as { services: Record<string, Service>; volumes: Record<string, unknown> }
const stages = Object.entries(services).filter(([, { command }]) => command?.[0] === 'run')

/** The stages as topology.ts lists them; read as text, so that this test starts no stage's libraries. */
function stagesOfTopology(): string[] {
  const list = /stages: \[([^\]]*)\]/.exec(readFileSync(join(root, 'topology.ts'), 'utf8'))?.[1] ?? ''
  return list.split(',').map((name) => name.trim()).filter((name) => name !== '')
}

test('there is a service for each stage, in flow order, that runs that stage', () => {
  assert.deepEqual(stages.map(([name]) => name), stagesOfTopology())
  assert.deepEqual(stages.map(([, { command }]) => command?.[1]), stagesOfTopology())
})

test('every service that goes on says whether it is well', () => {
  const lasting = Object.entries(services).filter(([name]) => name !== 'setup')
  assert.deepEqual(lasting.filter(([, { healthcheck }]) => healthcheck === undefined).map(([name]) => name), [])
})

test('stages start when topics and tables are there, and setup when the services answer', () => {
  for (const [, stage] of stages) assert.deepEqual(stage.depends_on, { setup: { condition: 'service_completed_successfully' } })
  assert.deepEqual(Object.keys(services.setup?.depends_on ?? {}), ['kafka', 'registry', 'postgres'])
})

test('stages share the folder of blobs', () => {
  for (const [, stage] of stages) {
    assert.equal(stage.environment?.SLUICE_BLOBS, '/data/blobs')
    assert.ok(stage.volumes?.includes('blobs:/data/blobs'))
  }
})

test('a port is open to this machine only', () => {
  const open = Object.values(services).flatMap(({ ports }) => ports ?? [])
  assert.ok(open.length > 0)
  assert.deepEqual(open.filter((port) => !port.startsWith('127.0.0.1:')), [])
})

test('every named volume is declared', () => {
  const used = Object.values(services).flatMap(({ volumes: list }) => list ?? []).map((volume) => volume.split(':')[0] ?? '')
  assert.deepEqual([...new Set(used)].sort(), Object.keys(volumes).sort())
})

test('images have a version', () => {
  const images = Object.values(services).map(({ image }) => image ?? '')
  assert.deepEqual(images.filter((image) => !/:(\d+\.\d+|local$)/.test(image)), [])
})
