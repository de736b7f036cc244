/** Whether the old design's table of items holds what was written. */
import type { Client } from 'pg'
import { numbersOf } from '#processors/embed/half.ts'
import { assetOf, randomId, type AssetRange } from '../assets/asset-series.ts'
import { digestInDatabase, digestOf, md5, requireSame } from './digest.ts'
import { itemOf, ITEM_COLUMNS, ITEM_NUMBER, ITEM_TEXT } from './items.ts'
import { numbersIn } from './session.ts'

const ITEMS = `select ${ITEM_TEXT} as text from items i where ${ITEM_NUMBER} >= $1 and ${ITEM_NUMBER} < $2`

export async function requireItems(client: Client, range: AssetRange, stored: number): Promise<void> {
  const { rows } = await client.query<{ items: number }>('select count(*)::int as items from items')
  if (rows[0]!.items !== stored) throw new Error(`${rows[0]!.items} items are stored, not ${stored}`)
  requireSame('items', await digestInDatabase(client, ITEMS, boundsOf(range)), digestOf(numbersIn(range).map(itemText)))
}

/** The tags of items, as a query selects them: `text` is an item's id and its tags in order. */
export async function requireTags(client: Client, range: AssetRange, query: string): Promise<void> {
  const text = (n: number): string => [randomId(n), ...assetOf(n).tags.tags.map(({ name }) => name)].join('|')
  requireSame('tags', await digestInDatabase(client, `${query} where ${ITEM_NUMBER} >= $1 and ${ITEM_NUMBER} < $2`, boundsOf(range)), digestOf(numbersIn(range).map(text)))
}

function boundsOf({ from, count }: AssetRange): [number, number] {
  return [from, from + count]
}

function itemText(n: number): string {
  const values = itemOf(n)
  const valueOf = (column: (typeof ITEM_COLUMNS)[number]): unknown => values[ITEM_COLUMNS.indexOf(column)]
  const { etag, description } = JSON.parse(String(valueOf('metadata'))) as { etag: string; description: string }
  const columns = (['id', 'source', 'source_id', 'url', 'sha256', 'bytes', 'cluster_id'] as const).map(valueOf)
  return [...columns, etag, description, md5(sent(assetOf(n).embedding!.vector))].join('|')
}

/** As `vector_send` writes it: dimensions, zero, and the numbers in single precision, big-endian. */
function sent(vector: Buffer): Buffer {
  const numbers = numbersOf(vector)
  const bytes = Buffer.alloc(4 + numbers.length * 4)
  bytes.writeUInt16BE(numbers.length, 0)
  numbers.forEach((number, at) => bytes.writeFloatBE(number, 4 + at * 4))
  return bytes
}
