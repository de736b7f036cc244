/**
 * Puts all members out of a group, as the coordinator does with a member that was silent for a session (LeaveGroup may be sent
 * in anyone's name). After a kill the next owner need not wait for that.
 */
import type { KafkaConnection } from '#runtime/kafka/client.ts'

interface Coordinator { leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown> }
interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  findGroupCoordinator(request: { groupId: string }): Promise<Coordinator>
}

export async function evictAll({ kafka, admin }: KafkaConnection, groupId: string): Promise<void> {
  const { groups } = await admin.describeGroups([groupId])
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster')!
  const cluster = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[name]!({ allowAutoTopicCreation: false })
  await cluster.connect()
  try {
    const coordinator = await cluster.findGroupCoordinator({ groupId })
    for (const { memberId } of groups.flatMap(({ members }) => members)) await coordinator.leaveGroup({ groupId, memberId })
  } finally {
    await cluster.disconnect()
  }
}
