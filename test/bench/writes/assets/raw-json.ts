/** The producer's own JSON about an asset, 1.5 to 2.5 kB: what the old design kept beside its columns. */
import { assetOf, sourceOf, tagsOf } from './asset-series.ts'
import { Draw } from './draw.ts'
import { drawRank, TAG_NAMES } from './words.ts'

const draw = new Draw()

export function rawJson(n: number): string {
  const { content, normal, submission } = assetOf(n)
  draw.seed(n, 77)
  const number = (bound: number): number => draw.below(bound)
  const words = (count: number): string => Array.from({ length: count }, () => TAG_NAMES[drawRank(draw)]!).join(' ')
  const token = (): string => draw.word().toString(16).padStart(8, '0') + draw.word().toString(16).padStart(8, '0')
  const rendition = (name: string, width: number): object => ({ name, width, url: `${content.finalUri}?w=${width}&sig=${token()}`, bytes: number(400_000) })
  return JSON.stringify({
    ...sourceOf(n), title: words(6), description: words(30 + number(40)), creator: { id: number(900_000), name: words(2), verified: number(3) === 0 },
    urls: { original: submission.uri, page: `https://www.example.org/item/${token()}` },
    renditions: [rendition('thumb', 240), rendition('small', 640), rendition('large', 1_600)],
    exif: { model: `X-${number(90)}`, iso: 100 * number(64), exposure: `1/${number(4_000)}`, focal: number(200), taken: new Date(submission.submittedAt - number(1e9)).toISOString() },
    stats: { views: number(100_000), likes: number(5_000), saves: number(900), score: number(10_000) / 10_000 },
    geo: number(3) === 0 ? { lat: number(180_000) / 1_000 - 90, lon: number(360_000) / 1_000 - 180, place: words(2) } : null,
    width: normal.width, height: normal.height, mime: content.sniffedType, etag: token(), revision: number(40),
    tags: tagsOf(n).map(({ name, confidence }) => ({ name, confidence, source: 'upstream', id: number(1_000_000) })),
  })
}
