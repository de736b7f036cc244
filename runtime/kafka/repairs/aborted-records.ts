/**
 * Replaces kafkajs's filter of aborted records, which leaks them. A fetch lists aborted transactions in the order in which
 * they *ended*; kafkajs walks the list in that order and enters at most one transaction a message, so with two that
 * overlap on a partition it can deliver a record of one that was aborted. It also takes any record whose key is four
 * zero bytes for an abort marker. Java sorts by first offset, enters all that have begun, and looks at control records
 * only (org.apache.kafka.clients.consumer.internals.CompletedFetch): so does this, for `FetchedBatch`.
 */

export interface FetchedMessage {
  offset: number
  key: Buffer | null
  batch: { producerId: string; inTransaction: boolean; isControl: boolean }
}

export interface AbortedTransaction {
  producerId: string
  firstOffset: string
}

/** Version 0, type 0: an abort marker (KIP-98). */
const ABORT_MARKER_KEY = Buffer.from([0, 0, 0, 0])

/** The messages that belong to no aborted transaction, control records included, in their order. */
export function filterAborted<M extends FetchedMessage>({ messages, abortedTransactions }: { messages: M[]; abortedTransactions?: AbortedTransaction[] | null }): M[] {
  if (!abortedTransactions || abortedTransactions.length === 0) return messages
  const ahead = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: Number(firstOffset) }))
    .sort((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<string>()
  let next = 0
  return messages.filter((message) => {
    while (next < ahead.length && ahead[next]!.firstOffset <= message.offset) open.add(ahead[next++]!.producerId)
    const { producerId, inTransaction } = message.batch
    if (isAbortMarker(message)) open.delete(producerId)
    else if (inTransaction && open.has(producerId)) return false
    return true
  })
}

function isAbortMarker({ key, batch: { isControl } }: FetchedMessage): boolean {
  return isControl && key !== null && ABORT_MARKER_KEY.equals(key)
}
