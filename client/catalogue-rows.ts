/** Rows of the readable views as values for programs. */

export interface Asset {
  id: string
  source: string | null
  sourceId: string | null
  uri: string | null
  finalUri: string | null
  mediaType: string | null
  codec: string | null
  kind: string
  width: number | null
  height: number | null
  durationSeconds: number | null
  bytes: number
  relation: string
  canonicalId: string | null
  distance: number | null
  matched: number | null
  timeOffsetSeconds: number | null
  evidence: string | null
  cluster: number | null
  clusterSimilarity: number | null
  /** Best first. */
  tags: { name: string; confidence: number; predicted: boolean }[]
  nsfw: boolean | null
  attributes: Record<string, string>
  /** Hexadecimal, as are the hashes below. */
  sha256: string
  pixels: string | null
  blockhash: string | null
  pdq: string | null
  quality: number | null
  model: string | null
  traceId: string | null
  eventAt: Date
  storedAt: Date
  partition: number
  offset: number
}

export interface StoredFailure {
  /** The asset's id, or the record's key; null when it had none. */
  asset: string | null
  stage: string
  code: string
  reason: string
  attempts: number
  topic: string
  partition: number
  offset: number
  traceId: string | null
  eventAt: Date
  failedAt: Date
}

/** Without the vector, which is a thousand bytes that few readers want. */
export const VIEW_COLUMNS = `id, source, source_id, uri, final_uri, media_type, codec, kind, width, height,
  duration_seconds::float8 as duration_seconds, bytes, relation, canonical_id, distance, matched,
  time_offset_micros, evidence, cluster, cluster_similarity, nsfw, attributes, sha256, pixels, blockhash, pdq, quality, model, trace_id,
  event_at, stored_at, kafka_partition, kafka_offset,
  (select coalesce(jsonb_agg(jsonb_build_object('name', t.name, 'confidence', round(t.confidence::numeric, 3), 'predicted', t.predicted) order by t.rank), '[]')
   from asset_tag t where t.segment = asset_view.segment and t.asset_id = asset_view.id) as tags`

export interface AssetViewRow {
  id: string; source: string | null; source_id: string | null; uri: string | null; final_uri: string | null; media_type: string | null
  codec: string | null; kind: string; width: number | null; height: number | null; duration_seconds: number | null; bytes: string
  relation: string; canonical_id: string | null; distance: number | null; matched: number | null; time_offset_micros: string | null
  evidence: string | null; cluster: number | null; cluster_similarity: number | null; nsfw: boolean | null
  attributes: Record<string, string> | null; sha256: string; pixels: string | null; blockhash: string | null; pdq: string | null
  quality: number | null; model: string | null; trace_id: string | null; event_at: Date; stored_at: Date; kafka_partition: number
  kafka_offset: string; tags: Asset['tags']
}

export interface FailureViewRow {
  asset: string | null; stage: string; code: string; reason: string; attempts: number; topic: string; partition: number
  offset: string; trace_id: string | null; event_at: Date; failed_at: Date
}

export function describeAsset(row: AssetViewRow): Asset {
  const { source_id, final_uri, media_type, duration_seconds, canonical_id, time_offset_micros, cluster_similarity, trace_id, event_at, stored_at,
    kafka_partition, kafka_offset, ...same } = row
  return {
    ...same,
    sourceId: source_id, finalUri: final_uri, mediaType: media_type, durationSeconds: duration_seconds, bytes: Number(row.bytes),
    canonicalId: canonical_id, timeOffsetSeconds: time_offset_micros === null ? null : Number(time_offset_micros) / 1e6,
    clusterSimilarity: cluster_similarity, attributes: row.attributes ?? {}, traceId: trace_id, eventAt: event_at, storedAt: stored_at,
    partition: kafka_partition, offset: Number(kafka_offset),
  }
}

export function describeFailure({ offset, trace_id, event_at, failed_at, ...same }: FailureViewRow): StoredFailure {
  return { ...same, offset: Number(offset), traceId: trace_id, eventAt: event_at, failedAt: failed_at }
}
