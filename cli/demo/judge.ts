/** Compares what was found with what must be found, item by item. */
import type { DemoFacts, FailedAsset, Relation, StoredAsset, SubmittedItem } from './facts.ts'

export type Fault =
  | 'lost' | 'counted-twice' | 'unexpected-failure' | 'unexpected-row' | 'wrong-code' | 'missed-copy' | 'false-pair' | 'weaker-relation'

export interface Finding {
  name: string
  expected: string
  found: string
  /** Absent when it is as expected, or when nothing was expected. */
  fault?: Fault
}

/** Rows and failures by name, with the group that each row was put in. */
export interface Outcome {
  rows: ReadonlyMap<string, StoredAsset>
  failures: ReadonlyMap<string, FailedAsset>
  items: ReadonlyMap<string, SubmittedItem>
  /** Name of the original that a stored item is said to copy; its own name when it is one; an asset id where the original is none of these rows. */
  originalOf(name: string): string
}

/** An original is never itself a copy; a few steps are allowed for, so that a broken chain shows up instead of hanging. */
const LONGEST_CHAIN = 8

export function outcomeOf({ items, assets, failures }: Pick<DemoFacts, 'items' | 'assets' | 'failures'>): Outcome {
  const rows = new Map(assets.map((asset) => [asset.name, asset]))
  const byId = new Map(assets.map((asset) => [asset.assetId, asset]))
  return {
    rows,
    failures: new Map(failures.map((failure) => [failure.name, failure])),
    items: new Map(items.map((item) => [item.name, item])),
    originalOf(name) {
      let asset = rows.get(name)
      for (let step = 0; asset?.of && step < LONGEST_CHAIN; step++) {
        const next = byId.get(asset.of)
        if (!next) return asset.of
        asset = next
      }
      return asset?.name ?? name
    },
  }
}

/** One finding for each submitted item, in their order. */
export function judge(outcome: Outcome): Finding[] {
  return [...outcome.items.values()].map((item) => judgeItem(item, outcome))
}

function judgeItem(item: SubmittedItem, outcome: Outcome): Finding {
  const found = { name: item.name, expected: describeExpected(item), found: describeFound(item.name, outcome) }
  const fault = faultOf(item, outcome)
  return fault ? { ...found, fault } : found
}

function faultOf(item: SubmittedItem, outcome: Outcome): Fault | undefined {
  const row = outcome.rows.get(item.name)
  const failure = outcome.failures.get(item.name)
  if (row && failure) return 'counted-twice'
  if (!row && !failure) return 'lost'
  if (!item.expect) return undefined
  if (failure) return faultOfFailure(item, failure)
  return item.expect.outcome === 'failed' ? 'unexpected-row' : faultOfRow(item, row!, outcome)
}

function faultOfFailure({ expect }: SubmittedItem, failure: FailedAsset): Fault | undefined {
  if (expect?.outcome !== 'failed') return 'unexpected-failure'
  return expect.code === failure.code ? undefined : 'wrong-code'
}

/**
 * Groups are compared, not arrows: when a copy overtakes its original on the way, it becomes the original, and both
 * are still found to be one picture.
 */
function faultOfRow({ name, expect }: SubmittedItem, row: StoredAsset, outcome: Outcome): Fault | undefined {
  if (expect?.outcome !== 'stored') return undefined
  const original = outcome.originalOf(name)
  const meant = trueOriginal(name, outcome)
  const copiesItself = original === name && row.relation !== 'original'
  if (copiesItself || trueOriginal(original, outcome) !== meant) return 'false-pair'
  if (expect.relation === undefined || expect.relation === 'original') return undefined
  if (original !== outcome.originalOf(meant)) return 'missed-copy'
  return original === meant && !satisfies(row.relation, expect.relation) ? 'weaker-relation' : undefined
}

/** The item that this one was made of, by how the set was made. */
function trueOriginal(name: string, { items }: Outcome): string {
  const expect = items.get(name)?.expect
  return expect?.outcome === 'stored' && expect.of !== undefined ? expect.of : name
}

function satisfies(found: Relation, expected: Relation | 'copy'): boolean {
  return expected === 'copy' ? found !== 'original' : found === expected
}

function describeExpected({ expect }: SubmittedItem): string {
  if (!expect) return 'anything'
  if (expect.outcome === 'failed') return `fails with ${expect.code}`
  if (expect.relation === undefined && expect.of !== undefined) return `original, or copy of ${expect.of}`
  return expect.of === undefined ? expect.relation ?? 'a row' : `${expect.relation} of ${expect.of}`
}

function describeFound(name: string, outcome: Outcome): string {
  const row = outcome.rows.get(name)
  const failure = outcome.failures.get(name)
  const parts = [row && describeRow(row, outcome), failure && `failed with ${failure.code}`].filter((part) => part !== undefined)
  return parts.join(' and ') || 'neither row nor failure'
}

function describeRow({ name, relation, distance }: StoredAsset, outcome: Outcome): string {
  if (relation === 'original') return 'original'
  return `${relation} of ${outcome.originalOf(name)}${distance === null ? '' : ` (distance ${Math.round(distance)})`}`
}
