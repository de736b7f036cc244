/** The pipeline's own row: `asset.clustered` to `asset` and `asset_detail`. */
import { join } from 'node:path'
import { migrate } from '#runtime/postgres/migrate.ts'
import { onServer } from '#test/support/database.ts'
import { assetClustered, assetStored } from '#topics'
import { topology } from '#topology'
import type { AssetClustered, Tag } from '#schemas'
import { assetId, assetOf, STARTED_MS } from './assets.ts'
import { traceIdOf } from './fill.ts'
import type { Column, Kind, Subject, TagNumbers, Value } from './subject.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')

function column(name: string, kind: Kind, of: Column['of'], more: Partial<Column> = {}): Column {
  return { name, kind, of, ...more }
}

/** Of the still's only frame. */
function print(name: 'pixels' | 'blockhash' | 'pdq'): Column {
  return fact(name, 'bytes', ({ fingerprint }) => fingerprint.frames[0]![name])
}

function fact(name: string, kind: Kind, of: (asset: AssetClustered) => Value): Column {
  return column(name, kind, (n) => of(lastAsset(n)))
}

function empty(name: string, kind: Kind): Column {
  return column(name, kind, () => null, { nullable: true })
}

/** The columns of one row are asked for one after the other. */
let last: { n: number; asset: AssetClustered } | undefined
function lastAsset(n: number): AssetClustered {
  if (last?.n !== n) last = { n, asset: assetOf(n) }
  return last.asset
}

export const realRow: Subject = {
  name: 'real',
  topology,
  topic: assetClustered,
  valueOf: assetOf,
  announced: assetStored.name,
  program: [join(ROOT, 'cli', 'main.ts'), 'run', 'store', '--quiet'],
  async prepare(databaseUrl) {
    await migrate({ databaseUrl, dir: join(ROOT, 'migrations') })
  },
  tables: [
    {
      name: 'asset', open: 'asset_open',
      columns: [
        column('event_at', 'time', (n) => STARTED_MS + n),
        fact('bytes', 'long', ({ content }) => content.bytes),
        column('kafka_offset', 'long', (n) => n, { isPlace: true }),
        empty('duration_micros', 'long'),
        empty('time_offset_micros', 'long'),
        column('id', 'uuid', assetId),
        column('trace_id', 'uuid', traceIdOf),
        empty('canonical_id', 'uuid'),
        column('kafka_partition', 'int', () => 0, { isPlace: true }),
        fact('cluster', 'int', ({ placement }) => placement!.cluster),
        fact('cluster_similarity', 'float', ({ placement }) => placement!.similarity),
        fact('width', 'int', ({ normal }) => normal.width),
        fact('height', 'int', ({ normal }) => normal.height),
        empty('matched', 'float'),
        fact('embedding', 'halfvec', ({ embedding }) => sentHalves(embedding!.vector)),
        column('kind', 'int', () => 0),
        column('relation', 'int', () => 0),
        empty('distance', 'int'),
        // The only model of a new database.
        column('model', 'int', () => 1),
        fact('quality', 'int', ({ fingerprint }) => fingerprint.frames[0]!.quality),
        fact('nsfw', 'boolean', ({ tags }) => tags.nsfw),
        fact('sha256', 'bytes', ({ content }) => content.sha256),
        print('pixels'), print('blockhash'), print('pdq'),
        column('tags', 'bytes', (n, numbers) => Buffer.concat(lastAsset(n).tags.tags.map((tag) => codedTag(tag, numbers)))),
      ],
    },
    {
      name: 'asset_detail', open: 'asset_detail_open',
      columns: [
        column('asset_id', 'uuid', assetId),
        fact('source', 'text', ({ submission }) => submission.source),
        fact('source_id', 'text', ({ submission }) => submission.sourceId),
        fact('uri', 'text', ({ submission }) => submission.uri),
        empty('final_uri', 'text'),
        fact('media_type', 'text', ({ content }) => content.sniffedType),
        fact('codec', 'text', ({ normal }) => normal.codec),
        empty('evidence', 'text'),
        empty('attributes', 'text'),
      ],
    },
  ],
  async tagNumbers(databaseUrl) {
    return new Map((await onServer<{ name: string; id: number }>(databaseUrl, 'select name, id from tag')).map(({ name, id }) => [name, id]))
  },
}

/** As `migrations/0001-assets.sql` describes it; written anew here, since it checks the sink's. */
function codedTag({ name, confidence, origin }: Tag, numbers: TagNumbers): Buffer {
  const number = numbers.get(name)
  if (number === undefined) throw new Error(`the tag ${name} has no number`)
  const groups = (number * 2 + (origin === 'predicted' ? 1 : 0)).toString(2).match(/.{1,7}(?=(?:.{7})*$)/g)!.reverse().map((bits) => parseInt(bits, 2))
  return Buffer.from([...groups.map((group, at) => (at < groups.length - 1 ? group + 128 : group)), Math.round(confidence * 255)])
}

/** pgvector's `halfvec_send`: 16-bit dimensions, 16-bit zero, then the numbers, big-endian. */
function sentHalves(littleEndian: Buffer): Buffer {
  const sent = Buffer.concat([Buffer.alloc(4), littleEndian])
  sent.writeUInt16BE(littleEndian.length / 2)
  sent.subarray(4).swap16()
  return sent
}
