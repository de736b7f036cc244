/**
 * A row's tags in a few bytes until the database's numbers are known: in the form of `tag-code.ts`, with numbers that
 * names have in this process.
 */
import { eachTag, encodeTags, recodeTags, type CodedTag } from './tag-code.ts'

export interface TagList {
  names: TagNames
  code: Buffer
}

/** Names by number, in the order in which they were met. */
export class TagNames {
  readonly #numbers = new Map<string, number>()
  readonly #names: string[] = []

  get size(): number {
    return this.#names.length
  }

  /** The name's number; a name not met before is added. */
  numberOf(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    this.#numbers.set(name, this.size)
    return this.#names.push(name) - 1
  }

  nameOf(number: number): string {
    return this.#names[number]!
  }
}

/** Some 100 bytes each. After that rows get new names, and the old ones go with the last row that has them. */
const MAX_NAMES = 200_000

let current = new TagNames()

/** Null for none; best first. */
export function tagList(tags: readonly (Omit<CodedTag, 'id'> & { name: string })[]): TagList | null {
  if (current.size > MAX_NAMES) current = new TagNames()
  const names = current
  const code = encodeTags(tags, ({ name }) => names.numberOf(name))
  return code && { names, code }
}

/** The numbers that a database has given to names. */
export class TagNumbers {
  readonly #byNames = new WeakMap<TagNames, (number | undefined)[]>()

  /** Learns the numbers in these lists; `lookUp` answers for at least the names that it is asked for. */
  async learn(lists: Iterable<TagList>, lookUp: (names: Set<string>) => Promise<ReadonlyMap<string, number>>): Promise<void> {
    const unknown = new Map<TagNames, Set<number>>()
    for (const list of lists) this.#addUnknown(list, unknown)
    if (unknown.size === 0) return
    const wanted = new Set([...unknown].flatMap(([names, numbers]) => Array.from(numbers, (number) => names.nameOf(number))))
    const found = await lookUp(wanted)
    for (const [names, numbers] of unknown) for (const number of numbers) this.#of(names)[number] = found.get(names.nameOf(number))!
  }

  /** The list as it lies in the row. */
  codeOf({ names, code }: TagList): Buffer {
    const numbers = this.#of(names)
    return recodeTags(code, (number) => numbers[number]!)
  }

  #addUnknown({ names, code }: TagList, unknown: Map<TagNames, Set<number>>): void {
    const numbers = this.#of(names)
    eachTag(code, (number) => {
      if (numbers[number >>> 1] !== undefined) return
      const others = unknown.get(names) ?? new Set()
      unknown.set(names, others.add(number >>> 1))
    })
  }

  #of(names: TagNames): (number | undefined)[] {
    const known = this.#byNames.get(names)
    if (known) return known
    const numbers: (number | undefined)[] = []
    this.#byNames.set(names, numbers)
    return numbers
  }
}
