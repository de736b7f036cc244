/**
 * Repairs to kafkajs 2.2.4, which is no longer maintained: single modules are replaced or mended, by their paths and in
 * this order, before the client uses them. Import kafkajs from here only.
 */
import './repairs/record-writer.ts'
import './repairs/partition-groups.ts'
import './repairs/fetched-batch.ts'
import './repairs/fetch-answer.ts'
import './repairs/consumer-repairs.ts'
import './repairs/paused-fetch.ts'
import kafkajs from 'kafkajs'
import { kafkajsModule } from './repairs/kafkajs-modules.ts'

interface RequestQueue {
  throttledUntil: number
  pending: unknown[]
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
  enforceRequestTimeout: boolean
  requestTimeout: number
  requestTimeoutIntervalId: NodeJS.Timeout | null
  inflight: Map<number, { sentAt: number; requestTimeout: number; timeoutRequest(): void }>
  isConnected(): boolean
  destroy(): void
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

/** How often requests are looked at that may be overdue, milliseconds: none is given up sooner than after some seconds. */
const CHECK_OVERDUE_MS = 1_000

/** kafkajs looks ten times a second, on every connection: most of what an idle process did. */
function scheduleRequestTimeoutCheck(this: RequestQueue): void {
  if (!this.enforceRequestTimeout) return
  this.destroy()
  this.requestTimeoutIntervalId = setInterval(() => {
    for (const request of this.inflight.values()) if (Date.now() - request.sentAt > request.requestTimeout) request.timeoutRequest()
    if (!this.isConnected()) this.destroy()
  }, Math.min(this.requestTimeout, CHECK_OVERDUE_MS))
}

Object.assign(kafkajsModule<{ prototype: RequestQueue }>('network/requestQueue').prototype, { scheduleCheckPendingRequests, scheduleRequestTimeoutCheck })

/** Named again here, since Node does not see the names that kafkajs exports. */
export const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, ConfigSource, KafkaJSProtocolError, logLevel } = kafkajs
export const Kafka = kafkajs.Kafka
export type Kafka = import('kafkajs').Kafka
export type ConfigResourceTypes = import('kafkajs').ConfigResourceTypes
export type ConfigSource = import('kafkajs').ConfigSource
export type {
  Admin, Consumer, ConsumerGroupJoinEvent, EachBatchPayload, ITopicConfig, KafkaMessage, LogEntry, Message, Producer, RecordMetadata, RequestEvent, TopicMessages, Transaction,
} from 'kafkajs'
