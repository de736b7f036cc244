/** An asset's report as text. */
import prettyBytes from 'pretty-bytes'
import prettyMs from 'pretty-ms'
import type { Asset, AssetReport, StoredFailure } from '#client/catalogue.ts'
import { deriveTraceId } from '#runtime/telemetry/trace-parent.ts'
import { columns, plain } from './screen.ts'

/** As the row or a failure has it, or as it is derived for an asset whose event brought none. */
export function traceIdOf(id: string, { asset, failures }: AssetReport): string {
  return asset?.traceId ?? failures.find(({ traceId }) => traceId !== null)?.traceId ?? deriveTraceId(id).toString('hex')
}

export function renderAsset(id: string, report: AssetReport, traceId: string): string {
  const { asset, failures, duplicates, neighbours } = report
  if (asset === null && failures.length === 0) return `Nothing is stored of ${plain(id)}, neither a row nor a failure. Its trace id would be ${traceId}.`
  const sections = [
    columns([...(asset ? factsOf(asset) : [['asset', id], ['state', 'no row']]), ['trace', traceId]]),
    section('Failures', failures.map(failureRow)),
    section('Copies', duplicates.map((copy) => [copy.id, copy.relation, copy.distance ?? '', plain(copy.sourceId ?? copy.uri ?? '')])),
    section('Most similar', neighbours.map((near) => [near.id, near.similarity.toFixed(3), plain(near.sourceId ?? near.uri ?? '')])),
  ]
  return sections.filter((text) => text !== '').join('\n\n')
}

function section(title: string, rows: (string | number)[][]): string {
  return rows.length === 0 ? '' : `${title}\n${columns(rows)}`
}

function failureRow({ stage, code, reason, attempts, failedAt, topic, partition, offset }: StoredFailure): string[] {
  return [failedAt.toISOString(), stage, code, `${attempts} attempts`, `${topic}/${partition}@${offset}`, plain(reason)]
}

function factsOf(asset: Asset): string[][] {
  const rows: [string, string | null][] = [
    ['asset', asset.id],
    ['uri', asset.uri],
    ['source', [asset.source, asset.sourceId].filter((part) => part !== null).join(' ')],
    ['kind', [asset.kind, asset.codec, asset.mediaType].filter((part) => part !== null).join(', ')],
    ['size', sizeOf(asset)],
    ['verdict', verdictOf(asset)],
    ['cluster', asset.cluster === null ? null : `${asset.cluster} (similarity ${asset.clusterSimilarity?.toFixed(3)}, ${asset.model})`],
    ['tags', asset.tags.map(({ name, confidence }) => `${name} ${confidence}`).join(', ')],
    ['nsfw', asset.nsfw === null ? null : String(asset.nsfw)],
    ['attributes', Object.entries(asset.attributes).map(([name, value]) => `${name}=${value}`).join(' ')],
    ['sha256', asset.sha256],
    ['submitted', asset.eventAt.toISOString()],
    ['stored', `${asset.storedAt.toISOString()}, ${prettyMs(Math.max(0, asset.storedAt.getTime() - asset.eventAt.getTime()))} later`],
    ['record', `asset.clustered/${asset.partition}@${asset.offset}`],
  ]
  return rows.filter((row): row is [string, string] => row[1] !== null && row[1] !== '').map(([name, value]) => [name, plain(value)])
}

function sizeOf({ width, height, durationSeconds, bytes }: Asset): string {
  const parts = [width === null ? null : `${width} × ${height}`, durationSeconds === null ? null : prettyMs(durationSeconds * 1000), prettyBytes(bytes)]
  return parts.filter((part) => part !== null).join(', ')
}

function verdictOf({ relation, canonicalId, distance, matched, timeOffsetSeconds, evidence }: Asset): string {
  const details = [
    distance === null ? null : `distance ${distance}`, matched === null ? null : `${Math.round(matched * 100)} % matched`,
    timeOffsetSeconds ? `from ${timeOffsetSeconds} s` : null, evidence,
  ].filter((detail) => detail !== null)
  return `${relation}${canonicalId === null ? '' : ` of ${canonicalId}`}${details.length === 0 ? '' : ` (${details.join(', ')})`}`
}
