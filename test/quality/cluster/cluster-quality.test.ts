import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import sharp from 'sharp'
import type { AssetTagged } from '#schemas'
import { place } from '#processors/cluster/placement.ts'
import { ClusterState } from '#processors/cluster/state.ts'
import { openInference } from '#processors/embed/inference.ts'
import { pixelsOf } from '#processors/embed/pictures.ts'
import { unitHalf } from '#processors/embed/half.ts'
import { sharedData } from '#test/support/shared-data.ts'
import { addModel } from '../../../models/add.ts'
import { ensureDescriptor, type InstalledModel } from '../../../models/store.ts'
import { vectorsOf } from '../vectors.ts'

const skip = sharedData('images/imagenet-sample') ? false : 'needs ../shared/data'

let dir: string
before(async () => { dir = await mkdtemp(join(tmpdir(), 'sluice-cluster-quality-')) })
after(() => rm(dir, { recursive: true }))

/** Cluster number of each vector, in order of arrival. */
function clustersOf(vectors: Buffer[], { card }: InstalledModel): number[] {
  const state = new ClusterState()
  return vectors.map((vector, i) => {
    const embedding: NonNullable<AssetTagged['embedding']> = { model: card.id, weightsSha256: Buffer.alloc(32), dimensions: card.dimensions, vector, frames: [] }
    const { placement, entry } = place(`asset ${i}`, embedding, card.clusterThreshold, state)
    state.apply(entry)
    return placement.cluster
  })
}

/** Of all assets in clusters of two or more: the share whose cluster's most frequent group is their own. */
function purity(clusters: number[], groups: string[]): { purity: number; joined: number; clusters: number } {
  const members = Map.groupBy(clusters.keys(), (i) => clusters[i]!)
  const shared = [...members.values()].filter((list) => list.length > 1)
  const frequent = (list: number[]) => Math.max(...[...Map.groupBy(list, (i) => groups[i]!).values()].map((same) => same.length))
  const joined = shared.reduce((sum, list) => sum + list.length, 0)
  return { purity: shared.reduce((sum, list) => sum + frequent(list), 0) / joined, joined, clusters: members.size }
}

async function rowsOf(file: string): Promise<string[][]> {
  return (await readFile(sharedData(file)!, 'utf8')).trim().split('\n').slice(1).map((line) => line.split('\t'))
}

describe('clusters of real photographs', { skip }, () => {
  for (const [name, install] of [
    ['descriptor-512', () => ensureDescriptor(dir)],
    ['clip_shaped_standin_512', () => addModel({ dir, file: sharedData('models/clip_shaped_standin_512.onnx')! })],
  ] as const) {
    test(`${name}: pictures that share a cluster are not thrown together`, async (context) => {
      const model = await install()
      const rows = await rowsOf('images/imagenet-sample/labels.tsv')
      const clusters = clustersOf(await vectorsOf(model, rows.map(([file]) => sharedData(`images/imagenet-sample/${file}`)!)), model)
      const result = purity(clusters, rows.map((row) => row[4]!))
      context.diagnostic(`${name} at ${model.card.clusterThreshold}: ${rows.length} photographs in ${result.clusters} clusters, ${result.joined} share one, purity ${result.purity.toFixed(2)}`)
      // Neither model knows meaning: what must not happen is one cluster that swallows all.
      const largest = Math.max(...[...Map.groupBy(clusters, (cluster) => cluster).values()].map((list) => list.length))
      assert.ok(largest <= rows.length / 10, `${largest} photographs in one cluster`)
    })
  }

  test('descriptor-512: edits of a photograph are in its cluster, other photographs are not', async () => {
    const model = await ensureDescriptor(dir)
    const rows = (await rowsOf('near-dup/truth.tsv')).filter(([file, , relation]) => /^(bridge-mods|ukbench)/.test(file!) && /original|near-duplicate|unrelated/.test(relation!))
    const clusters = clustersOf(await vectorsOf(model, rows.map(([file]) => sharedData(`near-dup/${file}`)!)), model)
    const clusterOf = (file: string) => clusters[rows.findIndex((row) => row[0] === file)]
    for (const [i, [file]] of rows.entries()) {
      if (file!.startsWith('bridge-mods')) assert.equal(clusters[i], clusterOf('bridge-mods/aaa-orig.jpg'), file)
    }
    assert.equal(clusterOf('ukbench/ukbench00120_resize.jpg'), clusterOf('ukbench/ukbench00120.jpg'))
    const unrelated = rows.flatMap(([, , relation], i) => (relation === 'unrelated' ? [clusters[i]] : []))
    assert.ok(!unrelated.includes(clusterOf('bridge-mods/aaa-orig.jpg')))
    assert.ok(!unrelated.includes(clusterOf('ukbench/ukbench00120.jpg')))
  })
})

test('descriptor-512: pictures drawn to one recipe share a cluster, and no two recipes do', async () => {
  const model = await ensureDescriptor(dir)
  const { infer, close } = await openInference(model.path, model.card, 1)
  const vectors: Buffer[] = []
  const recipes: string[] = []
  for (let variant = 0; variant < 6; variant++) {
    for (const [recipe, draw] of Object.entries(RECIPES)) {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480">${draw(variant)}</svg>`
      const [numbers] = await infer([await pixelsOf(await sharp(Buffer.from(svg)).jpeg().toBuffer(), model.card.preprocessing)])
      vectors.push(unitHalf(numbers!)!)
      recipes.push(recipe)
    }
  }
  await close()
  const clusters = clustersOf(vectors, model)
  assert.equal(purity(clusters, recipes).purity, 1)
  for (const recipe of Object.keys(RECIPES)) {
    assert.equal(new Set(clusters.filter((_, i) => recipes[i] === recipe)).size, 1, recipe)
  }
})

/** Each draws variants that a person would call the same kind of picture. */
const RECIPES: Record<string, (variant: number) => string> = {
  sky: (v) => `<defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="hsl(${205 + 3 * v},70%,30%)"/><stop offset="1" stop-color="hsl(${245 + 3 * v},70%,75%)"/></linearGradient></defs><rect width="640" height="480" fill="url(#g)"/>`,
  stripes: (v) => `<rect width="640" height="480" fill="#fff"/>${range(14).map((i) => `<rect x="${i * 48 + v}" width="24" height="480" fill="hsl(${2 * v},80%,40%)"/>`).join('')}`,
  checks: (v) => `<rect width="640" height="480" fill="#eee"/>${range(192).map((i) => ((i + (i >> 4)) % 2 ? `<rect x="${(i % 16) * 40 + v}" y="${(i >> 4) * 40}" width="40" height="40" fill="hsl(${130 + v},60%,30%)"/>` : '')).join('')}`,
  sunset: (v) => `<defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="#402060"/><stop offset="1" stop-color="hsl(${25 + v},95%,60%)"/></linearGradient></defs><rect width="640" height="480" fill="url(#g)"/><circle cx="${220 + 30 * v}" cy="270" r="40" fill="#ffe080"/><rect y="${300 + 5 * v}" width="640" height="300" fill="#201030"/>`,
  forest: (v) => `<rect width="640" height="480" fill="#a8c8d8"/><rect y="300" width="640" height="180" fill="#386028"/>${range(18).map((i) => treeAt((i * 97 + v * 41) % 640, 150 + ((i * 53 + v * 29) % 150))).join('')}`,
}

function treeAt(x: number, height: number): string {
  return `<polygon points="${x},${420 - height} ${x - 40},430 ${x + 40},430" fill="hsl(120,50%,26%)"/>`
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}
