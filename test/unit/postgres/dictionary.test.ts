import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Dictionary, type Query } from '#runtime/postgres/dictionary.ts'

/** A table of names that also counts the statements it got. */
class NameTable {
  readonly names: string[] = []
  readonly statements: string[] = []
  /** Added by somebody else between our look and our insert. */
  rival: string[] = []

  readonly query: Query = async <R extends object>(text: string, values: unknown[] = []) => {
    const asked = values[0] as string[]
    this.statements.push(text.slice(0, 6))
    if (text.startsWith('select')) return { rows: this.#rows(asked.filter((name) => this.names.includes(name))) as R[] }
    this.names.push(...this.rival.splice(0))
    const fresh = asked.filter((name) => !this.names.includes(name)).sort()
    this.names.push(...fresh)
    return { rows: this.#rows(fresh) as R[] }
  }

  #rows(names: string[]): { id: number; name: string }[] {
    return names.map((name) => ({ id: this.names.indexOf(name) + 1, name }))
  }
}

test('a name gets one number for ever, and is asked about once', async () => {
  const table = new NameTable()
  const dictionary = new Dictionary('tag')
  const first = await dictionary.numbersOf(['b', 'a', 'b'], table.query)
  assert.deepEqual([first.get('a'), first.get('b')], [1, 2])
  assert.deepEqual(table.statements, ['select', 'insert'])
  await dictionary.numbersOf(['a', 'b'], table.query)
  assert.equal(table.statements.length, 2)
})

test('a name that another writer added at the same moment gets that writer’s number', async () => {
  const table = new NameTable()
  table.rival = ['x', 'a']
  const numbers = await new Dictionary('tag').numbersOf(['a', 'c'], table.query)
  assert.deepEqual([numbers.get('a'), numbers.get('c')], [2, 3])
})

test('a vocabulary that outgrows the memory is forgotten and asked about again', async () => {
  const table = new NameTable()
  const dictionary = new Dictionary('tag', 2)
  await dictionary.numbersOf(['a', 'b', 'c'], table.query)
  const again = await dictionary.numbersOf(['a'], table.query)
  assert.equal(again.get('a'), 1)
  assert.equal(again.size, 1)
})
