import { createHash } from 'node:crypto'
import { readFileSync, mkdirSync, writeFileSync, existsSync } from 'node:fs'
import sharp from 'sharp'
import { generateMedia } from './cli/demo/media/generate.ts'
import { decode } from './processors/normalize/decode.ts'
import { fingerprintOf } from './processors/fingerprint/frame.ts'
import { acoustics } from './processors/fingerprint/acoustics.ts'
import { dedupe } from './processors/dedupe/processor.ts'
import { DedupeState } from './processors/dedupe/state.ts'
import { descriptorModel } from './models/descriptor/card.ts'
import { openInference } from './processors/embed/inference.ts'
import { pixelsOf } from './processors/embed/pictures.ts'
import { unitHalf, pooled } from './processors/embed/half.ts'
import { place } from './processors/cluster/placement.ts'
import { ClusterState } from './processors/cluster/state.ts'
import { summarize, checkExpectations } from './cli/demo/summary.ts'
import { renderSummary } from './cli/demo/terminal.ts'
const seed = process.argv[2] ?? 'sluice'
const items = await generateMedia('/tmp/sim-' + seed, { seed })
const sha = (b: any) => createHash('sha256').update(b).digest()
const { card, bytes } = descriptorModel(); writeFileSync('/tmp/simdir/model.onnx', bytes)
const inf = await openInference('/tmp/simdir/model.onnx', card, 2)
const ac: any = await acoustics.open({} as any)
const dd = new DedupeState(), cs = new ClusterState()
const rows: any[] = [], failures: any[] = []
const vec = new Map<string, Buffer>(), jpegs = new Map<string, any>()
let n = 0
const crops: string[] = []
for (const item of items) {
  const assetId = `0190000${(n % 16).toString(16)}-0000-7000-8000-${String(++n).padStart(12, '0')}`
  if (!item.path) { failures.push({ assetId, name: item.name, stage: 'download', code: (item.expect as any).code, reason: 'not run' }); continue }
  const raw = readFileSync(item.path)
  if (['broken-empty.jpg', 'broken-error-page.jpg', 'broken-noise.mp4'].includes(item.name)) { failures.push({ assetId, name: item.name, stage: 'download', code: (item.expect as any).code, reason: 'not run' }); continue }
  let d: any
  try { d = await decode({ id: 1, path: item.path, typeHint: '' } as any, '/tmp/simdir') } catch (e: any) { failures.push({ assetId, name: item.name, stage: 'normalize', code: e.code, reason: e.message }); continue }
  const frames: any[] = [], prints: any[] = []
  for (const f of d.frames) {
    const b = sha(f.jpeg); jpegs.set(b.toString('hex'), Buffer.from(f.jpeg)); frames.push({ ptsMicros: f.ptsMicros, blob: b, width: f.width, height: f.height })
    const px = await sharp(f.jpeg).raw().toBuffer()
    prints.push({ ptsMicros: f.ptsMicros, ...fingerprintOf({ width: f.width, height: f.height, rgb: px } as any, { width: d.width, height: d.height } as any) })
  }
  let acoustic: any = null
  if (d.flac) { writeFileSync('/tmp/simdir/s.flac', d.flac); acoustic = await ac.print('/tmp/simdir/s.flac', new AbortController().signal) }
  const asset: any = { assetId, submission: {}, content: { sha256: sha(raw), bytes: raw.length }, normal: { kind: d.kind, width: d.width, height: d.height, durationMicros: d.durationMicros, frames }, fingerprint: { version: 1, frames: prints, acoustic } }
  const dec: any = dedupe.decide(asset, dd, {} as any); for (const e of dec.remember) dd.apply(e)
  const v = dec.write[0].value.verdict
  let cluster = null
  if (d.kind !== 'audio') {
    const vs: Buffer[] = []
    for (const b of v.canonicalFrames) { const k = b.toString('hex'); if (!vec.has(k)) vec.set(k, unitHalf((await inf.infer([await pixelsOf(jpegs.get(k), card.preprocessing)]))[0]!)!); vs.push(vec.get(k)!) }
    const vector = vs.length === 1 ? vs[0]! : pooled(vs)!
    const { placement, entry } = place(assetId, { model: card.id, vector, dimensions: 512, frames: [], weightsSha256: Buffer.alloc(32) } as any, card.clusterThreshold, cs); cs.apply(entry); cluster = placement.cluster
  }
  if (item.name.includes('cropped')) crops.push(`${item.name}: ${v.relation} ${v.distance} ${v.evidence}`)
  rows.push({ assetId, name: item.name, kind: d.kind, relation: v.relation, of: v.of, distance: v.distance, evidence: v.evidence, cluster, latencyMs: 1, width: d.width, height: d.height, durationMicros: d.durationMicros, bytes: raw.length, tags: [], traceId: null })
}
const s = summarize({ items, assets: rows, failures, stages: [], rowsPerCommit: [], elapsedMs: 1, model: card.id, searches: [], pointers: [] })
console.log(renderSummary(s, { width: 80, colour: false })); console.log(checkExpectations(s)); console.log(crops)
console.log(rows.filter((r) => r.kind !== 'image').map((r) => `${r.name} ${r.relation} ${r.distance} ${r.evidence} cluster ${r.cluster}`))
await inf.close()
