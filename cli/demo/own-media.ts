/** The user's own files as items of the demo: a folder, or a list of paths and URIs. */
import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UsageError } from '../failure.ts'
import { inputsOf } from '../inputs.ts'
import type { Item } from './submit-items.ts'

/** The report shows them all. */
const MAX_ITEMS = 10_000

export async function ownItems(media: string, note: (line: string) => void): Promise<Item[]> {
  const isFolder = (await stat(media).catch(() => undefined))?.isDirectory() ?? false
  let skipped = 0
  const { submissions } = await inputsOf(isFolder ? [media] : [], isFolder ? undefined : media, { onSkipped: () => skipped++ })
  const items = new Map<string, Item>()
  for await (const { path, uri } of submissions) {
    if (items.size >= MAX_ITEMS) throw new UsageError(`The demo takes ${MAX_ITEMS} files at most; use \`sluice submit\` for more.`)
    const item = path === undefined ? itemOf(uri ?? '', uri ?? '') : { ...itemOf(path, pathToFileURL(resolve(path)).href), path: resolve(path) }
    const name = unusedName(item.name, items)
    items.set(name, { ...item, name })
  }
  if (skipped > 0) note(`${skipped} entries without an extension of media were left out`)
  if (items.size === 0) throw new UsageError(`${media} names no media.`)
  return [...items.values()]
}

/** What kind it is, its content will tell. */
function itemOf(place: string, uri: string): Item {
  return { name: basename(place) || place, uri, kind: 'image', tags: [] }
}

function unusedName(name: string, items: ReadonlyMap<string, unknown>): string {
  if (!items.has(name)) return name
  for (let number = 2; ; number++) if (!items.has(`${name} (${number})`)) return `${name} (${number})`
}
