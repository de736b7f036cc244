/** A Kafka broker whose log lies on a device of the ground. */
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Programs } from '#stack/install.ts'
import { kafka } from '#stack/parts/kafka.ts'
import type { Recipe } from '#stack/recipe.ts'
import { supervise, type Supervised } from '#stack/supervisor.ts'
import { QUIET_BROKER } from './settings.ts'

export interface BrokerPlan {
  /** The broker's files are in its folder `kafka`, where the device is mounted. */
  folder: string
  programs: Programs
  signal: AbortSignal
  log: (line: string) => void
}

/** The stack's broker, but for what it would write by the clock. */
const recipe: Recipe = {
  ...kafka,
  async prepare(place) {
    await kafka.prepare(place)
    // Of two lines in a properties file the last one wins.
    await appendFile(join(place.dir, 'kafka', 'server.properties'), Object.entries(QUIET_BROKER).map(([name, value]) => `${name}=${value}\n`).join(''))
  },
}

export function startBroker({ folder, programs, signal, log }: BrokerPlan): Promise<Supervised> {
  return supervise(recipe, {
    dir: folder, programs, ports: {}, signal,
    onUnexpectedEnd: (how) => log(`The ground's Kafka ${how} though nobody asked it to: see ${folder}/logs`),
  })
}
