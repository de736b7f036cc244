/** Whether what came out is what was put in: by plain SQL and what the topics hold. */
import { setTimeout as wait } from 'node:timers/promises'
import { openCodec } from '#runtime/avro/codec.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import { deadLetterTopic } from '#runtime/loop/dead-letter.ts'
import type { AssetFailed, AssetStored } from '#schemas'
import type { Broken } from '#test/delivery/faults/fault.ts'
import { onServer } from '#test/support/database.ts'
import { readTopic } from '#test/support/read-topic.ts'
import { assetClustered, assetFailed, assetStored } from '#topics'
import type { Arena } from './arena.ts'
import { hastySink } from './hasty-store.ts'
import type { Input } from './inputs.ts'

/** Waits until the sink has stored and told of everything. @throws Error after `deadlineMs`, with what it lacks */
export async function finished(arena: Arena, deadlineMs = 120_000): Promise<void> {
  const ends = arena.inputs.ends()
  const untilMs = performance.now() + deadlineMs
  for (;;) {
    if (arena.halted !== undefined) throw new Error('the sink has ended', { cause: arena.halted })
    const behind = [...await storedUpTo(arena), ...await announcedUpTo(arena)].filter(({ partition, next }) => next < (ends.get(partition) ?? 0))
    if (behind.length === 0) return
    if (performance.now() > untilMs) throw new Error(`after ${deadlineMs / 1_000} s: ${behind.map(({ what, partition, next }) => `partition ${partition} ${what} up to ${next} of ${ends.get(partition)}`).join(', ')}`)
    await wait(100)
  }
}

interface Reached { what: string; partition: number; next: number }

async function storedUpTo({ config, inputs }: Arena): Promise<Reached[]> {
  const rows = await onServer<{ partition: number; next: string }>(config.databaseUrl, 'select partition, next_offset::text as next from sink_progress where sink = $1 and topic = $2', [hastySink.name, assetClustered.name])
  return [...inputs.ends().keys()].map((partition) => ({ what: 'is stored', partition, next: Number(rows.find((row) => row.partition === partition)?.next ?? 0) }))
}

async function announcedUpTo({ connection, config }: Arena): Promise<Reached[]> {
  const [committed] = await connection.admin.fetchOffsets({ groupId: `${config.app}.${hastySink.name}`, topics: [assetClustered.name] })
  return committed!.partitions.map(({ partition, offset }) => ({ what: 'is announced', partition, next: Math.max(0, Number(offset)) }))
}

/** What is wrong; nothing when rows equal input. */
export async function differences(arena: Arena): Promise<Broken[]> {
  return [...await inRows(arena), ...await inFailures(arena), ...await inTopics(arena), ...await inProgress(arena)]
}

interface Stored { id: string; content: string }

async function inRows({ config, inputs }: Arena): Promise<Broken[]> {
  const rows = await onServer<Stored>(config.databaseUrl, `
    select a.id::text, concat_ws(' ', encode(a.sha256, 'hex'), a.bytes, d.source_id, d.uri, encode(halfvec_send(a.embedding), 'hex')) as content
    from asset a left join asset_detail d on d.asset_id = a.id`)
  return compare('row', new Map(inputs.of('sound').map((input) => [input.id, contentOf(input)])), rows.map(({ id, content }) => [id, content]), 'once')
}

/** As `halfvec_send` puts it: dimensions and a zero as 16-bit numbers, then the halves, all big-endian. */
function contentOf({ asset: { content, submission, embedding } }: Input): string {
  const vector = Buffer.from(embedding!.vector).swap16()
  const head = Buffer.from([embedding!.dimensions >> 8, embedding!.dimensions & 0xff, 0, 0])
  return [content.sha256.toString('hex'), content.bytes, submission.sourceId, submission.uri, Buffer.concat([head, vector]).toString('hex')].join(' ')
}

const CODES = { refused: 'store.refused-row', garbled: 'record.bad-magic' } as const

async function inFailures({ config, inputs }: Arena): Promise<Broken[]> {
  const rows = await onServer<{ place: string; content: string }>(config.databaseUrl, `
    select partition || '/' || "offset" as place, stage || ' ' || code || ' ' || coalesce(asset_id::text, '') as content from asset_failure where topic = $1`, [assetClustered.name])
  const expected = (['refused', 'garbled'] as const).flatMap((kind) => inputs.of(kind).flatMap(({ partition, offsets, id }) =>
    offsets.map((offset) => [`${partition}/${offset}`, `${hastySink.name} ${CODES[kind]} ${id}`] as const)))
  return compare('failure', new Map(expected), rows.map(({ place, content }) => [place, content]), 'once')
}

/** By what a trigger saw: each commit was the owner's of that moment, and none went back (`PROGRESS_LOG`). */
async function inProgress({ config }: Arena): Promise<Broken[]> {
  const moves = await onServer<{ place: string; by: string; owner: string; from: string; to: string }>(config.databaseUrl, `
    select topic || '/' || partition as place, made_by as by, owner, from_offset as from, to_offset as to from progress_move where made_by <> owner or to_offset <= from_offset`)
  return moves.map(({ place, by, owner, from, to }) => ({
    invariant: by === owner ? 'progress-went-back' : 'zombie-commit', detail: `${place} from ${from} to ${to} by ${by}, owned by ${owner}`,
  }))
}

async function inTopics(arena: Arena): Promise<Broken[]> {
  const { inputs, connection, config } = arena
  const codec = await openCodec(connectRegistry(config.registryUrl), [assetStored, assetFailed])
  const [stored, failed, letters] = await Promise.all([assetStored.name, assetFailed.name, deadLetterTopic(hastySink.name)].map((topic) => readTopic(connection, topic)))
  const faulty = [...inputs.of('refused'), ...inputs.of('garbled')]
  const toldStored = await Promise.all(stored!.map(async ({ value }) => (await codec.decode<AssetStored>(assetStored, value)).assetId))
  const toldFailed = await Promise.all(failed!.map(async ({ value }) => (await codec.decode<AssetFailed>(assetFailed, value)).assetId))
  const same = (inputs: Input[]): Map<string, string> => new Map(inputs.map(({ id }) => [id, '']))
  return [
    ...compare('announcement', same(inputs.of('sound')), toldStored.map((id) => [id, '']), 'at least once'),
    ...compare('failure-announcement', same(faulty), toldFailed.map((id) => [id, '']), 'at least once'),
    ...compare('dead-letter', new Map(faulty.map(({ id, value }) => [id, value.toString('hex')])), letters!.map(({ key, value }) => [String(key), value!.toString('hex')]), 'at least once'),
  ]
}

function compare(what: string, expected: Map<string, string>, found: [id: string, content: string][], times: 'once' | 'at least once'): Broken[] {
  const byId = Map.groupBy(found, ([id]) => id)
  const told = (how: string, ids: Iterable<string>): Broken[] => Array.from(ids, (id) => ({ invariant: `${what}-${how}`, detail: id }))
  const known = [...byId].filter(([id]) => expected.has(id))
  return [
    ...told('missing', [...expected.keys()].filter((id) => !byId.has(id))),
    ...told('differs', known.filter(([id, same]) => same.some(([, content]) => content !== expected.get(id))).map(([id]) => id)),
    ...told('without-input', [...byId.keys()].filter((id) => !expected.has(id))),
    ...told('repeated', times === 'once' ? known.filter(([, same]) => same.length > 1).map(([id]) => id) : []),
  ]
}
