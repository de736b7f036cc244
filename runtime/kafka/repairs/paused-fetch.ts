/**
 * With all its partitions paused a kafkajs consumer sleeps through a whole long poll, whatever is resumed meanwhile: a
 * stage that pauses when it holds enough would stand still for that long each time. Here a resume ends the wait.
 */
import { systemClock } from '../../clock.ts'
import { kafkajsModule } from './kafkajs-modules.ts'

interface TopicPartitions { topic: string; partitions: number[] }

interface ConsumerGroup {
  maxWaitTime: number
  /** By topic and partition, where a `seek` has yet to take effect. */
  seekOffset: Map<string, unknown>
  subscriptionState: { active(): TopicPartitions[]; paused(): TopicPartitions[] }
  fetch(nodeId: string): Promise<unknown[]>
  resume(partitions: unknown): void
}

const group = kafkajsModule<{ prototype: ConsumerGroup }>('consumer/consumerGroup').prototype
const { fetch, resume } = group

/** What ends the waits of a group; one for each broker that it would fetch from. */
const waits = new WeakMap<ConsumerGroup, Set<() => void>>()

Object.assign(group, {
  async fetch(this: ConsumerGroup, nodeId: string): Promise<unknown[]> {
    if (this.seekOffset.size > 0 || !isAllPaused(this)) return fetch.call(this, nodeId)
    await untilResumed(this)
    return []
  },

  resume(this: ConsumerGroup, partitions: unknown): void {
    resume.call(this, partitions)
    for (const end of waits.get(this) ?? []) end()
  },
})

function isAllPaused({ subscriptionState }: ConsumerGroup): boolean {
  return subscriptionState.paused().length > 0 && subscriptionState.active().every(({ partitions }) => partitions.length === 0)
}

async function untilResumed(consumer: ConsumerGroup): Promise<void> {
  const resumed = Promise.withResolvers<void>()
  const ends = waits.get(consumer) ?? new Set()
  waits.set(consumer, ends.add(resumed.resolve))
  const cancel = systemClock.after(consumer.maxWaitTime, resumed.resolve)
  await resumed.promise
  cancel()
  ends.delete(resumed.resolve)
}
