import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { HandOver } from '#runtime/kafka/hand-over.ts'

const id = (partition: number) => ({ topic: 't', partition })

test('one partition is handed over in each turn of the event loop, in order', async () => {
  const seen: number[] = []
  const handOver = new HandOver({ records: ({ partition }) => void seen.push(partition), failed: assert.fail })
  for (const partition of [0, 1, 2]) handOver.push(id(partition), [])
  const seenByTurn: number[][] = []
  for (let n = 0; n < 4; n++) {
    await turn()
    seenByTurn.push([...seen])
  }
  assert.deepEqual(seenByTurn, [[0], [0, 1], [0, 1, 2], [0, 1, 2]])
})

test('who waits for room goes on when no more wait than was said', async () => {
  const seen: number[] = []
  const handOver = new HandOver({ records: ({ partition }) => void seen.push(partition), failed: assert.fail })
  for (const partition of [0, 1, 2]) handOver.push(id(partition), [])
  await handOver.room(3)
  assert.deepEqual(seen, [])
  await handOver.room(1)
  assert.deepEqual(seen, [0, 1])
})

test('what is dropped is not handed over: one partition, or all', async () => {
  const seen: number[] = []
  const handOver = new HandOver({ records: ({ partition }) => void seen.push(partition), failed: assert.fail })
  for (const partition of [0, 1, 0, 2]) handOver.push(id(partition), [])
  handOver.drop(id(0))
  await handOver.room(0)
  assert.deepEqual(seen, [1, 2])
  handOver.push(id(3), [])
  handOver.drop()
  await turn()
  await turn()
  assert.deepEqual(seen, [1, 2])
})

test('an error of the listener is told to it, and what comes after is handed over', async () => {
  const failures: string[] = []
  const seen: number[] = []
  const handOver = new HandOver({
    records({ partition }) {
      if (partition === 0) throw new Error('not this one')
      seen.push(partition)
    },
    failed: ({ message }) => void failures.push(message),
  })
  handOver.push(id(0), [])
  await turn()
  handOver.push(id(1), [])
  await handOver.room(0)
  assert.deepEqual([failures, seen], [['not this one'], [1]])
})
