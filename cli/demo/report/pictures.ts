/** Thumbnails and badges, as they appear all over the report. */
import type { Relation, StoredAsset, SubmittedItem } from '../facts.ts'
import { dataUri, html, type Html } from './html.ts'

export interface KeyFrame {
  ptsMicros: number
  jpeg: Buffer
}

/** Small JPEGs by the name of their item. What is missing is drawn as an empty frame. */
export interface ReportPictures {
  thumbnails: ReadonlyMap<string, Buffer>
  keyFrames: ReadonlyMap<string, readonly KeyFrame[]>
}

/** What the sections read from. */
export interface Gallery extends ReportPictures {
  assets: ReadonlyMap<string, StoredAsset>
  items: ReadonlyMap<string, SubmittedItem>
}

const SIGNS = { image: '▨', video: '▶', audio: '♪' } as const

export function thumbnail(gallery: Gallery, name: string, alt: string): Html {
  const jpeg = gallery.thumbnails.get(name)
  if (jpeg) return html`<img src="${dataUri(jpeg)}" alt="${alt}" loading="lazy" decoding="async">`
  const kind = gallery.assets.get(name)?.kind ?? 'image'
  return html`<div class="placeholder" role="img" aria-label="${alt} (no preview)">${SIGNS[kind]}</div>`
}

/** What a picture shows, for those who do not see it. */
export function altText(gallery: Gallery, name: string): string {
  const { family, note } = gallery.items.get(name) ?? {}
  const described = [family, note].filter((part) => part != null && part !== '')
  return described.length === 0 ? name : `${name}: ${described.join(', ')}`
}

export function badge(relation: Relation): Html {
  return html`<span class="badge ${relation}">${relation.replace('-', ' ')}</span>`
}

/** Nothing where none is known: a copy of the same bytes has no need of one. */
export function distanceLabel(distance: number | null, kind: StoredAsset['kind']): Html {
  if (distance === null) return html``
  const rounded = Math.round(distance * 10) / 10
  return html`<span class="distance">${kind === 'audio' ? `${rounded} ‰ of bits differ` : `${rounded} of 256 bits`}</span>`
}

/** '0:03.25': minutes, seconds, hundredths. */
export function timeStamp(micros: number): string {
  const hundredths = Math.round(micros / 10_000)
  const seconds = (hundredths % 6000) / 100
  return `${Math.floor(hundredths / 6000)}:${seconds.toFixed(2).padStart(5, '0')}`
}
