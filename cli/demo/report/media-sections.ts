/** The sections with pictures: duplicates, clusters, videos, sounds, searches. Each is empty when it has nothing to show. */
import type { ClusterFigures } from '../clusters.ts'
import type { Search, StoredAsset } from '../facts.ts'
import { counted } from '../plain-text.ts'
import type { Copy, DemoSummary, DuplicateGroup } from '../summary.ts'
import { html, type Html } from './html.ts'
import { altText, badge, distanceLabel, type Gallery, thumbnail, timeStamp } from './pictures.ts'

/** A report is read by people: beyond these numbers it says how many more there are. */
const MOST_GROUPS = 60
const MOST_COPIES = 40
const MOST_CLUSTERS = 60
const MOST_MEMBERS = 80
const MOST_VIDEOS = 60
const MOST_KEY_FRAMES = 32
const MOST_SOUNDS = 60

export interface Section {
  id: string
  title: string
  /** Undefined leaves the section out. */
  body: Html | undefined
}

export function duplicateSection({ duplicates }: DemoSummary, gallery: Gallery): Section {
  const copies = duplicates.reduce((sum, group) => sum + group.copies.length, 0)
  const body = html`<p class="soft">${counted(copies, 'copy', 'copies')} of ${counted(duplicates.length, 'original')}. Three claims are kept apart:
${badge('same-bytes')} the file again, ${badge('same-picture')} the same pixels with other metadata, ${badge('near-copy')} the same content, edited or encoded anew. The distance counts the bits that differ between two 256-bit hashes.</p>
${duplicates.slice(0, MOST_GROUPS).map((group) => duplicateGroup(group, gallery))}${more(duplicates.length, MOST_GROUPS, 'original')}`
  return { id: 'duplicates', title: 'Duplicates', body: copies > 0 ? body : undefined }
}

function duplicateGroup({ original, copies }: DuplicateGroup, gallery: Gallery): Html {
  const asset = gallery.assets.get(original)
  return html`<article class="card group"><figure>${thumbnail(gallery, original, altText(gallery, original))}
<figcaption><h3>${original}</h3>${badge('original')} <span class="soft small">${asset && sizeOf(asset)}</span></figcaption></figure>
<ul class="copies">${copies.slice(0, MOST_COPIES).map((copy) => html`<li>${copyFigure(copy, gallery)}</li>`)}</ul>${more(copies.length, MOST_COPIES, 'copy', 'copies')}</article>`
}

function copyFigure({ name, relation, distance, evidence, note }: Copy, gallery: Gallery): Html {
  const kind = gallery.assets.get(name)?.kind ?? 'image'
  return html`<figure>${thumbnail(gallery, name, altText(gallery, name))}
<figcaption>${badge(relation)}${distanceLabel(distance, kind)}<span class="name small">${note ?? name}</span>
<span class="file small">${[note ? name : '', evidence ?? ''].filter((text) => text !== '').join(' · ')}</span></figcaption></figure>`
}

export function clusterSection({ clusters, purity, model }: DemoSummary, gallery: Gallery): Section {
  const agreement = purity === null ? '' : ` ${Math.round(purity * 100)} % of the assets lie with their own family; strangers are framed.`
  const body = html`<p class="soft">${counted(clusters.length, 'topic cluster')} by the vectors of <code>${model ?? 'no model'}</code>.${agreement}</p>
${clusters.slice(0, MOST_CLUSTERS).map((cluster) => clusterWall(cluster, gallery))}${more(clusters.length, MOST_CLUSTERS, 'cluster')}`
  return { id: 'clusters', title: 'Topic clusters', body: clusters.length > 0 ? body : undefined }
}

function clusterWall({ cluster, size, family, purity, members }: ClusterFigures, gallery: Gallery): Html {
  return html`<article class="card"><header><h3>Cluster ${cluster}</h3><span class="soft">${counted(size, 'asset')}${family === null ? '' : html`, ${family} ${Math.round((purity ?? 0) * 100)} %`}</span></header>
<ul class="wall">${members.slice(0, MOST_MEMBERS).map((name) => wallTile(name, family, gallery))}</ul>${more(members.length, MOST_MEMBERS, 'asset')}</article>`
}

function wallTile(name: string, majority: string | null, gallery: Gallery): Html {
  const family = gallery.items.get(name)?.family
  const isStranger = majority !== null && family != null && family !== majority
  const isVideo = gallery.assets.get(name)?.kind === 'video'
  const picture = thumbnail(gallery, name, altText(gallery, name))
  return html`<li${isStranger ? html` class="stranger"` : ''} title="${name}">${isVideo ? html`<span class="mark" data-mark="▶">${picture}</span>` : picture}</li>`
}

export function videoSection(gallery: Gallery): Section {
  const videos = ofKind(gallery, 'video')
  const body = html`<p class="soft">Key frames at the time stamps of the container itself, whatever its frame rate.</p>
${videos.slice(0, MOST_VIDEOS).map((video) => videoCard(video, gallery))}${more(videos.length, MOST_VIDEOS, 'video')}`
  return { id: 'videos', title: 'Videos', body: videos.length > 0 ? body : undefined }
}

function videoCard(asset: StoredAsset, gallery: Gallery): Html {
  const frames = gallery.keyFrames.get(asset.name) ?? []
  return html`<article class="card">${mediaHead(asset, gallery)}
<ol class="strip" tabindex="0" aria-label="Key frames of ${asset.name}">${frames.slice(0, MOST_KEY_FRAMES).map(({ ptsMicros, jpeg }) => html`<li>${thumbnail(
    { ...gallery, thumbnails: new Map([[asset.name, jpeg]]) }, asset.name, `${asset.name} at ${timeStamp(ptsMicros)}`)}<time>${timeStamp(ptsMicros)}</time></li>`)}</ol></article>`
}

export function soundSection(gallery: Gallery): Section {
  const sounds = ofKind(gallery, 'audio')
  const body = html`<p class="soft">Compared by acoustic fingerprint, so that a re-encoded copy is found.</p>
<div class="columns">${sounds.slice(0, MOST_SOUNDS).map((sound) => soundCard(sound, gallery))}</div>${more(sounds.length, MOST_SOUNDS, 'sound')}`
  return { id: 'sounds', title: 'Sounds', body: sounds.length > 0 ? body : undefined }
}

function soundCard(asset: StoredAsset, gallery: Gallery): Html {
  const wave = gallery.thumbnails.has(asset.name) && html`<div class="wave">${thumbnail(gallery, asset.name, `Loudness of ${asset.name} over time`)}</div>`
  return html`<article class="card">${mediaHead(asset, gallery)}${wave}</article>`
}

function mediaHead(asset: StoredAsset, gallery: Gallery): Html {
  const original = [...gallery.assets.values()].find((other) => other.assetId === asset.of)
  return html`<header><h3>${asset.name}</h3>${badge(asset.relation)}${original && html`<span class="small">of ${original.name}</span>`}${distanceLabel(asset.distance, asset.kind)}
<span class="soft small">${[gallery.items.get(asset.name)?.note, sizeOf(asset)].filter((part) => part).join(' · ')}</span>
${asset.evidence && html`<span class="soft small">${asset.evidence}</span>`}</header>`
}

export function searchSection({ searches }: DemoSummary, gallery: Gallery): Section {
  const body = html`<p class="soft">Nearest by cosine similarity of their vectors.</p>${searches.map((search) => searchCard(search, gallery))}`
  return { id: 'similar', title: 'Most similar', body: searches.length > 0 ? body : undefined }
}

function searchCard({ query, hits }: Search, gallery: Gallery): Html {
  const known = gallery.assets.has(query)
  return html`<article class="card"><ul class="hits">${known && html`<li class="query"><figure>${thumbnail(gallery, query, altText(gallery, query))}<figcaption class="small"><span class="name">${query}</span>the query</figcaption></figure></li>`}
${!known && html`<li class="query"><span class="name">“${query}”</span></li>`}
${hits.map(({ name, similarity }) => html`<li><figure>${thumbnail(gallery, name, altText(gallery, name))}<figcaption class="small"><span class="name">${similarity.toFixed(3)}</span>${name}</figcaption></figure></li>`)}</ul></article>`
}

function ofKind({ assets }: Gallery, kind: StoredAsset['kind']): StoredAsset[] {
  return [...assets.values()].filter((asset) => asset.kind === kind).sort((a, b) => a.name.localeCompare(b.name))
}

function sizeOf({ width, height, durationMicros }: StoredAsset): string {
  const pixels = width !== null && height !== null ? `${width} × ${height}` : ''
  return [pixels, durationMicros === null ? '' : `${(durationMicros / 1e6).toFixed(1)} s`].filter((part) => part !== '').join(' · ')
}

function more(count: number, most: number, one: string, many?: string): Html | undefined {
  return count > most ? html`<p class="soft">and ${counted(count - most, `more ${one}`, `more ${many ?? `${one}s`}`)}</p>` : undefined
}
