import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { SourceRecord } from '#runtime/loop/ports.ts'
import { systemClock } from '#runtime/clock.ts'
import { startTelemetry } from '#runtime/telemetry/otel.ts'
import { parseTraceparent } from '#runtime/telemetry/trace-parent.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'

const recordWith = (flags: string): SourceRecord => ({
  topic: 'asset.embedded', partition: 3, offset: 9, key: Buffer.from('k'), value: null, timestampMs: 0, size: 0,
  headers: new Map([['traceparent', Buffer.from(`00-${TRACE}-b7ad6b7169203331-${flags}`)]]),
})

test('a sampled record becomes one span of its trace at the collector, and an unsampled one becomes none', async () => {
  const bodies: Buffer[] = []
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const body = Buffer.concat(chunks)
      bodies.push(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)
      response.writeHead(200).end()
    })
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  const telemetry = startTelemetry({ endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`, serviceName: 'tag', clock: systemClock })
  const stage = { name: 'tag', version: 1 }
  const sampled = telemetry.tracing.begin(stage, recordWith('01'))
  const unsampled = telemetry.tracing.begin(stage, recordWith('00'))
  sampled.end('dead', 'tag.bad')
  unsampled.end('written')
  await telemetry.stop()
  collector.close()
  const sent = Buffer.concat(bodies)
  const eventId = '0123456789abcdef0123456789abcdef'
  const outgoing = parseTraceparent(sampled.traceparentFor(recordWith('01'), recordWith('01').headers, eventId))!
  assert.equal(outgoing.traceId.toString('hex'), TRACE)
  assert.ok(sent.includes(outgoing.spanId), 'the span that the output names is the one that was recorded')
  assert.ok(sent.includes(Buffer.from('b7ad6b7169203331', 'hex')), 'its parent is the span of the input')
  for (const text of ['process asset.embedded', 'tag.bad', 'messaging.consumer.group.name']) assert.ok(sent.includes(text), text)
  assert.equal(unsampled.traceparentFor(recordWith('00'), recordWith('00').headers, eventId), `00-${TRACE}-0123456789abcdef-00`)
  assert.ok(!sent.includes(Buffer.from('0123456789abcdef', 'hex')), 'and names a span that nobody recorded')
})
