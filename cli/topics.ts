/** Topics and schemas where the settings say that they live. */
import { connectCompatibility } from '#runtime/avro/compatibility.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import type { Config } from '#runtime/config.ts'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import type { TopicSurroundings } from '#runtime/kafka/topic-plan.ts'

export function connectTopics({ registryUrl, replicationFactor }: Config, { admin }: KafkaConnection): TopicSurroundings {
  return { admin, replicationFactor, registry: connectRegistry(registryUrl), rules: connectCompatibility(registryUrl) }
}
