/** What kafkajs hands to a consumer, by what it is since its decoder was replaced (`repairs/fetch-answer.ts`). */
import type { EachBatchPayload } from './patches.ts'
import type { FetchedRecord } from './repairs/fetched-record.ts'

export function recordsOf({ messages }: EachBatchPayload['batch']): FetchedRecord[] {
  return messages as unknown as FetchedRecord[]
}
