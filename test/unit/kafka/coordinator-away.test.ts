import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import '#runtime/kafka/patches.ts'

const { KafkaJSGroupCoordinatorNotFound } = createRequire(import.meta.url)('kafkajs/src/errors') as { KafkaJSGroupCoordinatorNotFound: new (message: string) => { retriable: boolean } }

test('a broker that is away for long does not end a consumer for good: the missing coordinator is looked for again', () => {
  assert.equal(new KafkaJSGroupCoordinatorNotFound('Failed to find group coordinator').retriable, true)
})
