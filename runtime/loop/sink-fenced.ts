/** Another owner has claimed partitions that this sink believed to be its own. */
import { Halt } from '../errors.ts'
import type { PartitionId } from './ports.ts'

export class SinkFenced extends Halt {
  readonly partitions: PartitionId[]

  constructor(partitions: PartitionId[]) {
    const names = partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(', ')
    super('sink.fenced', `Another owner has claimed ${names}.`, 'Nothing: the sink gives these partitions up and goes on with the others.')
    this.partitions = partitions.map(({ topic, partition }) => ({ topic, partition }))
  }
}
