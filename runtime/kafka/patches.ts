/**
 * Repairs to kafkajs 2.2.4, which is no longer maintained. Its package has no `exports`, so single modules can be
 * required by path and mended before the client uses them. Import kafkajs from here only.
 */
import { createRequire } from 'node:module'
import './aborted-records.ts'
import kafkajs from 'kafkajs'

const require = createRequire(import.meta.url)

interface RequestQueue {
  throttledUntil: number
  pending: unknown[]
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
}

/** How soon pending requests are looked at when nothing throttles them, milliseconds (as in kafkajs). */
const CHECK_PENDING_MS = 10

/**
 * kafkajs computes `throttledUntil(-1) - now` even when nothing is throttled: a negative timeout, for which Node warns,
 * and one useless timer a response (tulios/kafkajs#1751).
 */
function scheduleCheckPendingRequests(this: RequestQueue): void {
  const throttledForMs = this.throttledUntil - Date.now()
  if (this.throttleCheckTimeoutId || (throttledForMs <= 0 && this.pending.length === 0)) return
  this.throttleCheckTimeoutId = setTimeout(() => {
    this.throttleCheckTimeoutId = null
    this.checkPendingRequests()
  }, throttledForMs > 0 ? throttledForMs : CHECK_PENDING_MS)
}

const queue = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
Object.assign(queue.prototype, { scheduleCheckPendingRequests })

/** Named again here, since Node does not see the names that kafkajs exports. */
export const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, ConfigSource, KafkaJSProtocolError, logLevel } = kafkajs
export const Kafka = kafkajs.Kafka
export type Kafka = import('kafkajs').Kafka
export type ConfigResourceTypes = import('kafkajs').ConfigResourceTypes
export type ConfigSource = import('kafkajs').ConfigSource
export type {
  Admin, Consumer, ConsumerGroupJoinEvent, EachBatchPayload, ITopicConfig, KafkaMessage, LogEntry, Message, Producer, RecordMetadata, TopicMessages, Transaction,
} from 'kafkajs'
