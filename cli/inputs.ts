/** What the user named, as submissions: files, folders with all below them, URIs, lists of these. */
import { createReadStream } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Submission } from '#client'
import { UsageError } from './failure.ts'

/** A folder of a million files is more likely a mistake than a wish. */
const MAX_FILES = 1_000_000
const MAX_DEPTH = 64

const MEDIA = new Set(('jpg jpeg jpe jfif png gif webp avif heic heif tif tiff bmp jxl mp4 m4v mov qt mkv webm avi mpg mpeg ts mts m2ts flv wmv '
  + 'ogv 3gp mp3 m4a aac flac ogg oga opus wav wma aif aiff').split(' ').map((extension) => `.${extension}`))

export interface Inputs {
  submissions: AsyncIterable<Submission>
  /** How many there will be; undefined for a stream. */
  total: number | undefined
}

interface Skipped { onSkipped(path: string, why: string): void }

/** Finds the files first, so that progress has an end. `-` reads lines from standard input. */
export async function inputsOf(named: readonly string[], listFile: string | undefined, skipped: Skipped): Promise<Inputs> {
  if (listFile !== undefined || named.includes('-')) return { submissions: fromLists(named, listFile), total: undefined }
  const found: Submission[] = []
  for (const name of named) for await (const submission of expand(name, skipped)) found.push(submission)
  return { total: found.length, submissions: toAsync(found) }
}

async function* toAsync<T>(items: T[]): AsyncGenerator<T> {
  yield* items
}

async function* expand(name: string, skipped: Skipped): AsyncGenerator<Submission> {
  if (isUri(name)) return yield { uri: name }
  const found = await stat(name).catch((error: unknown) => {
    throw new UsageError(`${name} cannot be read: ${(error as Error).message}`)
  })
  if (!found.isDirectory()) return yield { path: name }
  let count = 0
  for await (const path of filesBelow(name, 0, skipped)) {
    if (++count > MAX_FILES) throw new UsageError(`${name} holds more than ${MAX_FILES} files; submit its parts, or give a list by --from.`)
    yield { path }
  }
}

/** Links are not followed: they may lead out of the folder, or in a circle. Hidden files are left out. */
async function* filesBelow(folder: string, depth: number, skipped: Skipped): AsyncGenerator<string> {
  if (depth > MAX_DEPTH) return skipped.onSkipped(folder, 'too deep')
  const entries = []
  for await (const entry of await opendir(folder)) entries.push(entry)
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.name.startsWith('.')) continue
    else if (entry.isDirectory()) yield* filesBelow(path, depth + 1, skipped)
    else if (!entry.isFile()) skipped.onSkipped(path, 'not a regular file')
    else if (!MEDIA.has(extname(entry.name).toLowerCase())) skipped.onSkipped(path, 'no extension of media')
    else yield path
  }
}

async function* fromLists(named: readonly string[], listFile: string | undefined): AsyncGenerator<Submission> {
  if (listFile !== undefined && listFile !== '-') {
    await stat(listFile).catch(() => { throw new UsageError(`${listFile} cannot be read.`) })
    yield* fromLines(createReadStream(listFile))
  }
  if (listFile === '-' || named.includes('-')) yield* fromLines(process.stdin)
  for (const name of named) if (name !== '-') yield* expand(name, { onSkipped() {} })
}

async function* fromLines(stream: NodeJS.ReadableStream): AsyncGenerator<Submission> {
  let number = 0
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    number++
    if (line.trim() !== '') yield parseLine(line, number)
  }
}

const FIELDS = ['uri', 'path', 'source', 'sourceId', 'tags', 'nsfw', 'attributes', 'sha256', 'traceparent', 'assetId'] as const

/** A URI, a path, or a submission as a JSON object. */
export function parseLine(line: string, number: number): Submission {
  if (!line.startsWith('{')) return isUri(line.trim()) ? { uri: line.trim() } : { path: line }
  const unknown = (what: string): UsageError => new UsageError(`line ${number} ${what}`)
  let value: Record<string, unknown>
  try {
    value = JSON.parse(line) as Record<string, unknown>
  } catch (error) {
    throw unknown(`is no JSON: ${(error as Error).message}`)
  }
  const odd = Object.keys(value).find((field) => !(FIELDS as readonly string[]).includes(field))
  if (odd !== undefined) throw unknown(`has the field ${JSON.stringify(odd)}; known are ${FIELDS.join(', ')}`)
  return value as Submission
}

function isUri(text: string): boolean {
  return /^(https?|file|blob):/i.test(text)
}
