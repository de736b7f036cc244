import sharp from 'sharp'
import { writeFileSync } from 'node:fs'
import { FAMILIES, paintPicture } from './cli/demo/media/families/index.ts'
import { descriptorModel } from './models/descriptor/card.ts'
import { openInference } from './processors/embed/inference.ts'
import { pixelsOf } from './processors/embed/pictures.ts'
import { pdq } from './processors/fingerprint/pdq.ts'
const { card, bytes } = descriptorModel(); writeFileSync('/tmp/simdir/m2.onnx', bytes)
const inf = await openInference('/tmp/simdir/m2.onnx', card, 2)
const ham = (a: Buffer, b: Buffer) => a.reduce((s, v, i) => s + (v ^ b[i]!).toString(2).replaceAll('0', '').length, 0)
const all: any[] = []
for (const family of FAMILIES) for (const seed of ['sluice', 'test']) for (let n = 0; n < 10; n++) {
  const size = n === 4 ? { width: 480, height: 640 } : n === 9 ? { width: 640, height: 640 } : { width: 640, height: 480 }
  const r = paintPicture(family, `${seed} ${n}`, size)
  const v = (await inf.infer([await pixelsOf(await sharp(r.pixels, { raw: { ...size, channels: 3 } }).jpeg().toBuffer(), card.preprocessing)]))[0]!
  const l = Math.hypot(...v); all.push({ family, v: v.map((x) => x / l), p: pdq({ ...size, rgb: r.pixels } as any) })
}
const dot = (a: Float32Array, b: Float32Array) => a.reduce((s, x, i) => s + x * b[i]!, 0)
for (const family of FAMILIES) {
  const f = all.filter((x) => x.family === family), o = all.filter((x) => x.family !== family)
  const s: number[] = [], h: number[] = []
  for (const [i, a] of f.entries()) for (const b of f.slice(i + 1)) { s.push(dot(a.v, b.v)); h.push(ham(a.p.hash, b.p.hash)) }
  s.sort((a, b) => a - b)
  const across = Math.max(...f.flatMap((a) => o.map((b) => dot(a.v, b.v))))
  console.log(family.padEnd(10), 'min', s[0]!.toFixed(2), 'p10', s[Math.floor(s.length / 10)]!.toFixed(2), 'median', s[s.length >> 1]!.toFixed(2), 'share>0.8', (s.filter((x) => x > 0.8).length / s.length).toFixed(2), 'max to others', across.toFixed(2), 'min pdq', Math.min(...h))
}
await inf.close()
