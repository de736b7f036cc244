/**
 * Spans by the OpenTelemetry SDK, written by our own loops: the kafkajs auto-instrumentation starts a new trace at every
 * batch, so it is not loaded, and no loader hook is. Unsampled records cost a look at their header.
 */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type Span, type Tracer } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { within, type Clock } from '../clock.ts'
import type { SourceRecord } from '../loop/ports.ts'
import { formatTraceparent, parseTraceparent, type TraceParent } from './trace-parent.ts'
import { passTraceOn, type RecordSpan, type Tracing } from './tracing.ts'

export interface Telemetry {
  tracing: Tracing
  /** Sends what is left, for at most a few seconds. */
  stop(): Promise<void>
}

/** Longest wait for the collector when the process ends. */
const STOP_MS = 3_000

/** Starts tracing to the OTLP endpoint of the standard variables; passes traces on without spans when there is none. */
export function startTelemetry({ endpoint, serviceName, clock }: { endpoint: string; serviceName: string; clock: Clock }): Telemetry {
  if (endpoint === '') return { tracing: passTraceOn, stop: async () => {} }
  const traceExporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` })
  const sdk = new NodeSDK({ serviceName, traceExporter, instrumentations: [] })
  sdk.start()
  return {
    tracing: spansFor(trace.getTracer('sluice')),
    stop: () => shutDown(sdk, clock),
  }
}

/** A collector that is away must not hold the process up; what it did not take is gone. */
async function shutDown(sdk: NodeSDK, clock: Clock): Promise<void> {
  await within(clock, STOP_MS, sdk.shutdown().catch(() => {}), () => {})
}

/** One `process` span per sampled record, child of the stage before (semantic conventions 1.44, messaging). */
export function spansFor(tracer: Tracer): Tracing {
  return {
    begin(stage, record) {
      // A record without a sampled header has no span, and is not looked at further.
      const parent = parseTraceparent(record.headers.get('traceparent'))
      if (!parent?.sampled) return passTraceOn.begin(stage, record)
      return recordSpan(startSpan(tracer, stage.name, record, parent), parent)
    },
  }
}

function startSpan(tracer: Tracer, stage: string, record: SourceRecord, parent: TraceParent): Span {
  return tracer.startSpan(`process ${record.topic}`, {
    kind: SpanKind.CONSUMER,
    attributes: {
      'messaging.system': 'kafka',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': record.topic,
      'messaging.destination.partition.id': String(record.partition),
      'messaging.consumer.group.name': stage,
      'messaging.kafka.offset': record.offset,
    },
  }, trace.setSpanContext(ROOT_CONTEXT, remoteContext(parent)))
}

function remoteContext({ traceId, spanId }: TraceParent) {
  return { traceId: traceId.toString('hex'), spanId: spanId.toString('hex'), traceFlags: TraceFlags.SAMPLED, isRemote: true }
}

function recordSpan(span: Span, { traceId }: TraceParent): RecordSpan {
  const traceparent = formatTraceparent({ traceId, spanId: Buffer.from(span.spanContext().spanId, 'hex'), sampled: true })
  return {
    traceparentFor: () => traceparent,
    retried: (code) => void span.addEvent('retry', { 'error.type': code }),
    end(outcome, code) {
      if (outcome === 'dead') span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', code ?? 'unknown')
      span.setAttribute('sluice.outcome', outcome)
      span.end()
    },
  }
}
