/** Every row of the fault matrix, in order. */
import { brokerAway, hangingTransaction } from './broker.ts'
import { postgresAway } from './database.ts'
import { diskFull } from './disk.ts'
import type { Fault } from './fault.ts'
import { compactionWhileRestoring, offsetOutOfRange } from './log.ts'
import { allAtOnce } from './mixture.ts'
import { brokerNetwork, postgresNetwork } from './network.ts'
import { morePartitions, replay, rollingUpgrade } from './operation.ts'
import { clockSkew, poison } from './poison.ts'
import { killAtFailpoints, killInTakeOver, killWithOpenTransactions, rebalanceStorm, zombies } from './process.ts'
import { registryAway } from './registry.ts'

export const FAULTS: readonly Fault[] = [
  killAtFailpoints, killWithOpenTransactions, killInTakeOver, zombies, rebalanceStorm, brokerAway, hangingTransaction, postgresAway,
  brokerNetwork, postgresNetwork, registryAway, poison, diskFull, clockSkew, compactionWhileRestoring, offsetOutOfRange, replay,
  morePartitions, rollingUpgrade, allAtOnce,
]
