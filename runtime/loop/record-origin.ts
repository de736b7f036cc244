/** Where a record's row comes from, read out of the record when it is asked for: a row keeps little of it, and a batch nothing. */
import type { RowOrigin } from '../define/row-origin.ts'
import { traceIdIn } from '../telemetry/trace-parent.ts'
import type { SourceRecord } from './ports.ts'

export class RecordOrigin implements RowOrigin {
  readonly #record: SourceRecord

  constructor(record: SourceRecord) {
    this.#record = record
  }

  get topic(): string {
    return this.#record.topic
  }

  get partition(): number {
    return this.#record.partition
  }

  get offset(): number {
    return this.#record.offset
  }

  get eventTimeMs(): number {
    return this.#record.timestampMs
  }

  get traceId(): Buffer | null {
    return traceIdIn(this.#record.headers.get('traceparent'))
  }
}
