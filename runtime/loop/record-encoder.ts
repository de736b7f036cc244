/** From a handler's outgoing value to bytes with headers and an explicit partition. */
import type { Codec } from '../avro/codec.ts'
import type { Outgoing, Topic } from '../define/topic.ts'
import { Reject } from '../errors.ts'
import type { RecordSpan } from '../telemetry/tracing.ts'
import { EVENT_ID_HEADER, eventId } from './event-id.ts'
import { partitionOfKey } from './partition-of-key.ts'
import type { OutgoingRecord, SourceRecord } from './ports.ts'

/** Set on replays; passed on so that every record of a run can be told from live ones. */
export const RUN_HEADER = 'sluice-run'
export const TRACE_HEADER = 'traceparent'

interface Stage { name: string; version: number; writes: Topic[] }

/** Room for key, headers and framing below a topic's limit. */
const OVERHEAD_BYTES = 2_048

/**
 * Encodes what a stage returned for `input`. The records keep the input's event time and run, and carry its trace on.
 * @throws Reject `runtime.undeclared-output`, `record.invalid-output`, `record.too-big`
 */
export function encodeOutputs(stage: Stage, codec: Codec, input: SourceRecord, outputs: Outgoing[], span: RecordSpan): OutgoingRecord[] {
  if (outputs.length === 0) return []
  const { headers } = input
  const firstId = eventId(stage, input, 0, headers)
  const traceparent = span.traceparentFor(input, headers, firstId)
  const run = headers.get(RUN_HEADER)
  return outputs.map((output, n) => {
    if (!stage.writes.includes(output.topic)) {
      throw new Reject('runtime.undeclared-output', `${stage.name} returned a record for ${output.topic.name}, which it does not declare.`)
    }
    const id = n === 0 ? firstId : eventId(stage, input, n, headers)
    return encodeRecord(codec, output, input.timestampMs, { [EVENT_ID_HEADER]: id, [TRACE_HEADER]: traceparent, ...(run && { [RUN_HEADER]: run }) })
  })
}

/** One record with its key's partition. @throws Reject `record.invalid-output`, `record.too-big` */
export function encodeRecord(codec: Codec, output: Outgoing, timestampMs: number, headers: OutgoingRecord['headers']): OutgoingRecord {
  const { topic } = output
  const key = Buffer.from(output.key, 'utf8')
  const value = codec.encode(topic, output.value)
  if (value.length + key.length + OVERHEAD_BYTES > topic.maxMessageBytes) {
    throw new Reject('record.too-big', `A record of ${value.length} bytes does not fit ${topic.name}, which takes ${topic.maxMessageBytes}.`)
  }
  return { topic: topic.name, partition: partitionOfKey(key, topic.partitions), key, value, headers, timestampMs }
}
