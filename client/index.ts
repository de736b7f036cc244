/**
 * The client library.
 *
 * ```ts
 * import { createProducer } from '#client'
 *
 * const producer = await createProducer({ brokers: '127.0.0.1:9092', registry: 'http://127.0.0.1:8081', source: 'my-shop' })
 * const id = await producer.submit({ uri: 'https://example.org/cat.jpg', tags: ['cat'] })
 * const { relation, of } = await producer.waitUntilStored(id)
 * await producer.close()
 * ```
 */
export { createProducer, type Producer, type ProducerOptions } from './producer.ts'
export { InvalidSubmissionError, type Submission } from './submission.ts'
export { AssetFailedError, WaitTimeoutError } from './outcomes.ts'
export type { AssetFailed, AssetStored } from '#schemas'
