/** Everything that the author of a stage imports. */
export { defineTopic, type Outgoing, type Topic } from './define/topic.ts'
export { defineService, type Service, type ServiceEnvironment } from './define/service.ts'
export {
  defineProcessor, defineStateful,
  type BatchPolicy, type Context, type Decision, type Processor, type Result, type SnapshotParts, type State, type StatefulProcessor, type StateSnapshot,
} from './define/processor.ts'
export type { RowOrigin } from './define/row-origin.ts'
export { defineSink, type Sink } from './define/sink.ts'
export type { Failure, SinkStore } from './loop/ports.ts'
export { jsonPart } from './state/snapshot-file.ts'
export { Halt, Reject, RetryLater } from './errors.ts'
export { blobs } from './blobs/service.ts'
export type { BlobStore } from './blobs/store.ts'
