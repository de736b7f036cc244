import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeTags, recodeTags } from '#processors/store/tag-code.ts'
import { TagNames, TagNumbers } from '#processors/store/tag-names.ts'

const named = (...names: string[]): TagNames => {
  const all = new TagNames()
  for (const name of names) all.numberOf(name)
  return all
}

/** A database with these numbers that remembers what it was asked for. */
function database(numbers: Record<string, number>) {
  const asked: string[][] = []
  const lookUp = async (names: string[]) => {
    asked.push(names)
    return new Map(Object.entries(numbers))
  }
  return { asked, lookUp }
}

test('a name has one number, and names that hold NUL have none', () => {
  const names = named('dog', 'cat')
  assert.deepEqual([names.numberOf('dog'), names.numberOf('cat'), names.numberOf('owl')], [0, 1, 2])
  assert.throws(() => names.numberOf('a\0'), { name: 'Reject', code: 'store.unstorable-text' })
  assert.equal(names.size, 3)
})

test('names get the numbers of the database, and each is asked for once', async () => {
  const numbers = new TagNumbers()
  const { asked, lookUp } = database({ cat: 5, dog: 1_000_000, owl: 64 })
  const names = named('dog', 'cat')
  await numbers.learn(names, lookUp)
  assert.deepEqual(numbers.of(names), [1_000_000, 5])
  await numbers.learn(names, lookUp)
  names.numberOf('owl')
  await numbers.learn(names, lookUp)
  assert.deepEqual(numbers.of(names), [1_000_000, 5, 64])
  assert.deepEqual(asked, [['dog', 'cat'], ['owl']])
})

test('a name that is met while the database is asked is learnt the next time', async () => {
  const numbers = new TagNumbers()
  const names = named('cat')
  await numbers.learn(names, async () => {
    names.numberOf('dog')
    return new Map([['cat', 5], ['dog', 6]])
  })
  assert.deepEqual(numbers.of(names), [5])
  await numbers.learn(names, database({ dog: 6 }).lookUp)
  assert.deepEqual(numbers.of(names), [5, 6])
})

test('two databases have numbers of their own', async () => {
  const names = named('fox')
  const [here, there] = [new TagNumbers(), new TagNumbers()]
  await here.learn(names, database({ fox: 1 }).lookUp)
  await there.learn(names, database({ fox: 2 }).lookUp)
  assert.deepEqual([here.of(names), there.of(names)], [[1], [2]])
})

test('a look-up that fails leaves the names unknown', async () => {
  const numbers = new TagNumbers()
  const names = named('yak')
  await assert.rejects(numbers.learn(names, async () => Promise.reject(new Error('away'))))
  await numbers.learn(names, database({ yak: 9 }).lookUp)
  assert.deepEqual(numbers.of(names), [9])
})

test('tags get other numbers, and keep their order and what else they say', () => {
  const tags = [{ name: '1', origin: 'claimed', confidence: 1 }, { name: '0', origin: 'predicted', confidence: 0 }]
  const row = Buffer.concat([Buffer.from('before'), encodeTags(tags, Number), Buffer.from('after')])
  // 64·2 = 128 = 80 01; 3·2 + 1 = 07.
  assert.equal(Buffer.from(recodeTags(row, 6, 10, [3, 64])).toString('hex'), '8001ff' + '0700')
})

test('recoding grows the numbers of many small tags', () => {
  // Three tags, 1, 0 and 256: all get the largest number: 2^31 - 2 is fe ff ff ff 07.
  const code = Buffer.from('02ff' + '0080' + '800400', 'hex')
  assert.equal(Buffer.from(recodeTags(code, 0, code.length, Array(257).fill(2 ** 30 - 1))).toString('hex'), 'feffffff07ff' + 'feffffff0780' + 'feffffff0700')
})
