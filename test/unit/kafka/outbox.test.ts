import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import type { Kafka, TopicMessages } from '#runtime/kafka/patches.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import { createLog } from '#runtime/log.ts'
import type { OutgoingRecord } from '#runtime/loop/ports.ts'
import { VirtualClock } from '#runtime/memory/virtual-clock.ts'

const record = (value: string): OutgoingRecord => ({ topic: 'a.b', partition: 0, key: null, value: Buffer.from(value), headers: {}, timestampMs: 1 })

/** A producer whose requests stay open until the test acknowledges them. */
function open() {
  const requests: { values: string[]; acknowledge: () => void }[] = []
  const sendBatch = ({ topicMessages }: { topicMessages: TopicMessages[] }): Promise<unknown> => {
    const acknowledged = Promise.withResolvers<void>()
    requests.push({ values: topicMessages.flatMap(({ messages }) => messages.map(({ value }) => String(value))), acknowledge: acknowledged.resolve })
    return acknowledged.promise
  }
  const producer = { connect: async () => {}, disconnect: async () => {}, sendBatch }
  const kafka = { producer: () => producer } as unknown as Kafka
  return { requests, outbox: new KafkaOutbox(kafka, new VirtualClock(), createLog('test', 'silent')) }
}

const settled = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await turn()
}

test('what is handed over in one turn goes in one request, and what comes during a request in the next', async () => {
  const { outbox, requests } = open()
  const sends = [outbox.send([record('1')]), outbox.send([record('2'), record('3')])]
  await settled()
  sends.push(outbox.send([record('4')]), outbox.send([record('5')]))
  await settled()
  assert.deepEqual(requests.map(({ values }) => values), [['1', '2', '3']])
  requests[0]!.acknowledge()
  await settled()
  assert.deepEqual(requests.map(({ values }) => values), [['1', '2', '3'], ['4', '5']])
  requests[1]!.acknowledge()
  await Promise.all(sends)
})

for (const steps of [0, 1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`a record that is sent ${steps} steps after the last acknowledgement is not left behind`, async () => {
    const { outbox, requests } = open()
    const first = outbox.send([record('1')])
    await settled()
    const second = first.then(async () => {
      for (let step = 0; step < steps; step++) await undefined
      await outbox.send([record('2')])
    })
    requests[0]!.acknowledge()
    await settled()
    assert.deepEqual(requests[1]?.values, ['2'])
    requests[1]!.acknowledge()
    await second
  })
}
