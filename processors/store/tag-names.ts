/** Names of tags by numbers: those that they have in this process, and those that a database has given them. */
import { Reject } from '#runtime/api.ts'

/** Names in the order in which they were met: a name's place is its number in this process. */
export class TagNames {
  readonly #numbers = new Map<string, number>()
  readonly #names: string[] = []

  get size(): number {
    return this.#names.length
  }

  /** The name's number; a name not met before is added. @throws Reject `store.unstorable-text` */
  numberOf(name: string): number {
    return this.#numbers.get(name) ?? this.#add(name)
  }

  /** Those from this number on. */
  from(number: number): string[] {
    return this.#names.slice(number)
  }

  #add(name: string): number {
    if (name.includes('\0')) throw new Reject('store.unstorable-text', `The tag ${JSON.stringify(name.slice(0, 64))} holds NUL.`)
    this.#numbers.set(name, this.size)
    return this.#names.push(name) - 1
  }
}

/** Some 100 bytes each. After that rows get new names, and the old ones go with the last row that has them. */
const MAX_NAMES = 200_000

let current = new TagNames()

/** For the row that is made now. */
export function currentTagNames(): TagNames {
  if (current.size > MAX_NAMES) current = new TagNames()
  return current
}

/** The numbers that a database has given to names. */
export class TagNumbers {
  readonly #byNames = new WeakMap<TagNames, number[]>()

  /**
   * Learns the numbers of all these names that are not known yet; `lookUp` answers for at least those it is asked for. Names
   * of rows that wait for a later batch are among them: to look which ones a batch has costs more than to ask early.
   */
  async learn(names: TagNames, lookUp: (names: string[]) => Promise<ReadonlyMap<string, number>>): Promise<void> {
    const numbers = this.of(names)
    const unknown = names.from(numbers.length)
    if (unknown.length === 0) return
    const found = await lookUp(unknown)
    for (const name of unknown) numbers.push(found.get(name)!)
  }

  /** By the number in this process. */
  of(names: TagNames): number[] {
    const known = this.#byNames.get(names)
    if (known) return known
    const numbers: number[] = []
    this.#byNames.set(names, numbers)
    return numbers
  }
}
