/** Where the measurements take place: a private broker and registry, and what topics hold there. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { createLog } from '#runtime/log.ts'
import { startStack } from '#stack/stack.ts'
import type { Contents } from './bare-program.ts'
import { startBare } from './child.ts'

export interface Ground {
  connection: KafkaConnection
  brokers: string
  registryUrl: string
  close(): Promise<void>
}

export async function openGround(): Promise<Ground> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const stack = await startStack({ dir, parts: ['kafka', 'registry'], env: {} })
  const connection = await connectKafka({ brokers: stack.kafkaBrokers.split(','), clientId: 'bench' }, createLog('bench', 'error'))
  return {
    connection, brokers: stack.kafkaBrokers, registryUrl: stack.registryUrl,
    async close() {
      await connection.close()
      await stack.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** What a topic holds, read by a plain client in a process of its own. */
export async function contentsOf({ brokers }: Ground, reads: string, count: number): Promise<Contents> {
  const child = startBare({ kind: 'read', brokers: brokers.split(','), reads, count })
  try {
    return await child.next('contents')
  } finally {
    await child.stop()
  }
}

export function isSame(a: Contents, b: Contents): boolean {
  return a.records === b.records && a.ids === b.ids && a.sum === b.sum
}
