/** Where a row came from. */
export interface RowOrigin {
  topic: string
  partition: number
  offset: number
  /** The producer's event time, Unix milliseconds. */
  eventTimeMs: number
  /** 16 bytes, or null when the record carried no valid traceparent. */
  traceId: Buffer | null
}
