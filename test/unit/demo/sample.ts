/** A small demo's worth of facts, to be changed by each test. */
import type { DemoFacts, FailedAsset, Relation, StoredAsset, SubmittedItem } from '../../../cli/demo/facts.ts'

export function row(name: string, changes: Partial<StoredAsset> = {}): StoredAsset {
  return {
    assetId: `id of ${name}`, name, kind: 'image', relation: 'original', of: null, distance: null, evidence: null, cluster: null, latencyMs: 100,
    width: 640, height: 480, durationMicros: null, bytes: 1000, tags: [], traceId: null, ...changes,
  }
}

export function copy(name: string, of: string, relation: Relation = 'near-copy', distance = 4): StoredAsset {
  return row(name, { relation, of: `id of ${of}`, distance, evidence: 'pdq' })
}

export function failed(name: string, code: string, reason = 'It is broken.'): FailedAsset {
  return { assetId: `id of ${name}`, name, stage: code.split('.')[0]!, code, reason }
}

export function original(name: string, family = 'reef'): SubmittedItem {
  return { name, kind: 'image', family, note: 'painted', expect: { outcome: 'stored', relation: 'original' } }
}

export function copyItem(name: string, of: string, relation: 'copy' | 'same-picture' | 'same-bytes' = 'copy'): SubmittedItem {
  return { name, kind: 'image', family: 'reef', note: 'edited', expect: { outcome: 'stored', relation, of } }
}

export function brokenItem(name: string, code: string): SubmittedItem {
  return { name, kind: 'broken', family: null, note: 'spoilt', expect: { outcome: 'failed', code } }
}

export function facts(changes: Partial<DemoFacts>): DemoFacts {
  return { items: [], assets: [], failures: [], stages: [], rowsPerCommit: [], elapsedMs: 1500, model: 'descriptor-512', searches: [], pointers: [], ...changes }
}
