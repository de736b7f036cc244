import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { AssetEmbedded, Tag } from '#schemas'
import { CODES } from '#processors/tag/codes.ts'
import { normaliseTags, normalName } from '#processors/tag/normalise.ts'
import { tag } from '#processors/tag/processor.ts'
import { mostCautious, nsfwByTags } from '#processors/tag/vocabulary.ts'
import { sharedData } from '#test/support/shared-data.ts'

const claim = (name: string, confidence = 1): Tag => ({ name, confidence, origin: 'claimed' })

describe('the name of a tag', () => {
  for (const [raw, expected] of [
    ['Long Hair', 'long_hair'], ['  two   words ', 'two_words'], ['tab\tand\nline', 'tab_and_line'], ['ＦＵＬＬ　ｗｉｄｔｈ', 'full_width'],
    ['ﬁsh', 'fish'], ['STRASSE', 'strasse'], ['Ünïcode', 'ünïcode'], ['__init__', '__init__'], ['RATING:E', 'rating:explicit'],
    ['1990s_(style)', '1990s_(style)'], [':D', ':d'], ['>_<', '>_<'], ['\\m/', '\\m/'], ['...', '...'], ['👨‍👩‍👧', '👨‍👩‍👧'],
  ] as const) {
    test(`${JSON.stringify(raw)} becomes ${JSON.stringify(expected)}`, () => assert.equal(normalName(raw), expected))
  }

  for (const [raw, refused] of [
    ['', 'empty'], [' \t\n', 'empty'], ['a\u0000b', 'control-character'], ['\u202egnp', 'control-character'], ['half \ud83d', 'control-character'],
    ['zero\u200bwidth', 'control-character'], ['x'.repeat(101), 'too-long'], ['ü'.repeat(51), 'too-long'], ['x'.repeat(1e6), 'too-long'],
  ] as const) {
    test(`${JSON.stringify(raw.slice(0, 12))} of ${raw.length} characters is refused as ${refused}`, () => assert.deepEqual(normalName(raw), { refused }))
  }

  test('exactly 100 bytes are kept', () => assert.equal(normalName('ü'.repeat(50)), 'ü'.repeat(50)))

  test('a normalised name is normal', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (raw) => {
      const name = normalName(raw)
      if (typeof name === 'string') assert.equal(normalName(name), name)
    }))
  })

  test('the vocabulary of a real tagger survives unchanged', { skip: sharedData('tags') ? false : 'needs ../shared/data' }, () => {
    const names = readFileSync(sharedData('tags/wd-selected-tags-subset.csv')!, 'utf8').trim().split('\n').slice(1).map((line) => line.split(',')[1]!)
    assert.equal(names.length, 60)
    for (const name of names) assert.equal(normalName(name), name)
  })

  test('the tags of real posts survive unchanged', { skip: sharedData('tags') ? false : 'needs ../shared/data' }, () => {
    const posts = JSON.parse(readFileSync(sharedData('tags/danbooru-posts.json')!, 'utf8')) as Record<string, string | number>[]
    for (const post of posts) {
      const names = Object.entries(post).filter(([key]) => key.startsWith('tag_string')).flatMap(([, value]) => String(value).split(' ').filter(Boolean))
      const { tags, dropped } = normaliseTags(names.map((name) => claim(name)))
      assert.deepEqual(dropped, {})
      assert.equal(tags.length, post['tag_count'])
      assert.deepEqual(tags.map(({ name }) => name), [...names].sort())
    }
  })
})

describe('the tags of an asset', () => {
  test('one name keeps its highest confidence', () => {
    assert.deepEqual(normaliseTags([claim('Dog', 0.4), claim('dog', 0.9), claim('DOG ', 0.7)]).tags, [claim('dog', 0.9)])
  })

  test('the best come first, equal ones by name', () => {
    assert.deepEqual(normaliseTags([claim('b', 0.5), claim('c', 0.9), claim('a', 0.5)]).tags.map(({ name }) => name), ['c', 'a', 'b'])
  })

  test('every refusal is counted by its reason', () => {
    const { tags, dropped } = normaliseTags([claim(''), claim('  '), claim('a\u0001'), claim('ok', 2), claim('ok', NaN), claim('ok', -0.1), claim('fine', 0)])
    assert.deepEqual(tags, [claim('fine', 0)])
    assert.deepEqual(dropped, { 'bad-confidence': 3, 'control-character': 1, empty: 2 })
  })

  test('of 300 tags the 256 of most confidence stay', () => {
    const { tags, dropped } = normaliseTags(Array.from({ length: 300 }, (_, i) => claim(`t${i}`, i / 300)))
    assert.equal(tags.length, 256)
    assert.equal(tags.at(-1)!.name, 't44')
    assert.deepEqual(dropped, { 'too-many': 44 })
  })

  test('names that mean something to JavaScript are tags like any other', () => {
    const { tags, dropped } = normaliseTags(['__proto__', 'constructor', 'toString'].map((name) => claim(name)))
    assert.deepEqual(tags.map(({ name }) => name), ['__proto__', 'constructor', 'tostring'])
    assert.deepEqual(dropped, {})
    assert.equal(({} as Record<string, unknown>)['confidence'], undefined)
  })

  test('a claimed tag is not displaced by a prediction of equal confidence', () => {
    assert.equal(normaliseTags([claim('dog', 0.5), { ...claim('dog', 0.5), origin: 'predicted' }]).tags[0]!.origin, 'claimed')
  })

  test('every reason has its code explained', () => {
    const { dropped } = normaliseTags([claim(''), claim('\u0007x'), claim('x'.repeat(200)), claim('x', 7), ...Array.from({ length: 257 }, (_, i) => claim(`n${i}`))])
    for (const reason of Object.keys(dropped)) assert.ok(`tag.${reason}` in CODES, reason)
    assert.equal(Object.keys(dropped).length, Object.keys(CODES).length)
  })
})

describe('fitness for all eyes', () => {
  test('rating tags decide from half confidence on', () => {
    assert.equal(nsfwByTags([claim('explicit', 0.5)]), true)
    assert.equal(nsfwByTags([claim('explicit', 0.49)]), null)
    assert.equal(nsfwByTags([claim('rating:general')]), false)
    assert.equal(nsfwByTags([claim('dog')]), null)
  })

  test('whoever warns is believed', () => {
    assert.equal(nsfwByTags([claim('rating:general'), claim('rating:explicit')]), true)
    assert.equal(mostCautious(false, true), true)
    assert.equal(mostCautious(false, null), false)
    assert.equal(mostCautious(null, null), null)
  })
})

describe('the stage', () => {
  const asset = (tags: { name: string; confidence: number }[], nsfw: boolean | null) => ({ assetId: 'a', submission: { tags, nsfw } }) as unknown as AssetEmbedded

  test('appends the tags to the asset', async () => {
    const input = asset([{ name: 'Rating:Q', confidence: 1 }, { name: 'Dog', confidence: 0.5 }], null)
    const [record] = await tag.handle!(input, {} as never)
    assert.equal(record!.topic.name, 'asset.tagged')
    assert.deepEqual(record!.value, {
      ...input,
      tags: { vocabulary: 1, tags: [claim('rating:questionable'), claim('dog', 0.5)], nsfw: true, dropped: {} },
    })
  })

  test('keeps the producer\'s own judgement when no tag says anything', async () => {
    const [record] = await tag.handle!(asset([], false), {} as never)
    assert.deepEqual((record!.value as { tags: unknown }).tags, { vocabulary: 1, tags: [], nsfw: false, dropped: {} })
  })
})
