/** From fetched batches to the records that a reader of committed records sees, by the filter that the runtime puts into kafkajs. */
import { createRequire } from 'node:module'
import { filterAborted, type FetchedMessage } from '#runtime/kafka/repairs/aborted-records.ts'
import type { SourceRecord } from '#runtime/loop/ports.ts'
import type { Batch, Fetched } from '../broker/partition-log.ts'
import type { Violations } from '../violations.ts'

/** In the form that our filter reads, and in that of kafkajs. */
interface Message extends FetchedMessage {
  record: SourceRecord
  outcome: Batch['outcome']
  isControlRecord: boolean
  batchContext: { producerId: string; inTransaction: boolean }
}

type Filter = (fetch: { messages: Message[]; abortedTransactions: { producerId: string; firstOffset: string }[] }) => Message[]

/** 'ours', or kafkajs's own filter as it comes: with it the oracle must see aborted records. */
export type ReaderName = 'ours' | 'kafkajs-filter'

/** The records from `offset` on. */
export type Read = (fetched: Fetched, offset: number) => SourceRecord[]

export function openReader(name: ReaderName, violations: Violations): Read {
  const filter: Filter = name === 'ours' ? filterAborted : originalFilter()
  return (fetched, offset) => filter({ messages: fetched.entries.map(toMessage), abortedTransactions: fetched.aborted })
    .filter(({ isControlRecord, record }) => !isControlRecord && record.offset >= offset)
    .map(({ record, outcome }) => {
      if (outcome === 'aborted' || outcome === 'open') violations.add('aborted-records-seen', `a reader was given ${record.topic}/${record.partition}/${record.offset}, which is ${outcome}`)
      return record
    })
}

function toMessage({ record, batch }: Fetched['entries'][number]): Message {
  const [producerId, isControlRecord, { inTransaction }] = [String(batch.producerId), batch.marker !== undefined, batch]
  return {
    record, outcome: batch.outcome, offset: record.offset, key: record.key, isControlRecord, batchContext: { producerId, inTransaction },
    batch: { producerId, inTransaction, isControl: isControlRecord },
  }
}

/** The module as it is on disk: the loaded one was replaced by importing ours. */
function originalFilter(): Filter {
  const require = createRequire(import.meta.url)
  const path = require.resolve('kafkajs/src/consumer/filterAbortedMessages.js')
  const replaced = require.cache[path]
  delete require.cache[path]
  const original = require(path) as Filter
  require.cache[path] = replaced
  return original
}
