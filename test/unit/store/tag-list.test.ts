import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeTags, recodeTags } from '#processors/store/tag-code.ts'
import { tagList, TagNumbers, type TagList } from '#processors/store/tag-list.ts'

const tags = (...names: string[]): TagList => tagList(names.map((name, n) => ({ name, confidence: n === 0 ? 1 : 0, predicted: n % 2 === 1 })))!

test('tags get the numbers of the database, in their order and with what else they say', async () => {
  const numbers = new TagNumbers()
  const known = new Map([['cat', 5], ['dog', 1_000_000], ['owl', 64]])
  const asked: string[][] = []
  const lookUp = async (names: Set<string>) => {
    asked.push([...names])
    return known
  }
  const [first, second] = [tags('dog', 'cat'), tags('cat', 'owl', 'dog')]
  await numbers.learn([first, second], lookUp)
  assert.deepEqual(decodeTags(numbers.codeOf(first)), [{ id: 1_000_000, predicted: false, confidence: 1 }, { id: 5, predicted: true, confidence: 0 }])
  assert.deepEqual(decodeTags(numbers.codeOf(second)).map(({ id, predicted }) => [id, predicted]), [[5, false], [64, true], [1_000_000, false]])
  await numbers.learn([tags('owl'), tags('cat')], lookUp)
  assert.deepEqual(asked, [['dog', 'cat', 'owl']], 'what is known is not asked for again')
})

test('two databases have numbers of their own', async () => {
  const list = tags('fox')
  const [here, there] = [new TagNumbers(), new TagNumbers()]
  await here.learn([list], async () => new Map([['fox', 1]]))
  await there.learn([list], async () => new Map([['fox', 2]]))
  assert.deepEqual([here, there].map((numbers) => decodeTags(numbers.codeOf(list))[0]!.id), [1, 2])
})

test('a look-up that fails leaves the names unknown', async () => {
  const numbers = new TagNumbers()
  const list = tags('yak')
  await assert.rejects(numbers.learn([list], async () => Promise.reject(new Error('away'))))
  await numbers.learn([list], async () => new Map([['yak', 9]]))
  assert.equal(decodeTags(numbers.codeOf(list))[0]!.id, 9)
})

test('no tags are no list', () => {
  assert.equal(tagList([]), null)
})

test('recoding grows the numbers of many small tags', () => {
  // Three tags of two bytes each, all of which get the largest number: 2^31 - 2 is fe ff ff ff 07.
  assert.equal(recodeTags(Buffer.from('00ff02800400', 'hex'), () => 2 ** 30 - 1).toString('hex'), 'feffffff07ff' + 'feffffff0780' + 'feffffff0700')
})
