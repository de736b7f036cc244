import type { Producer } from './patches.ts'
import { within, type Clock } from '../clock.ts'
import { reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'

/** A producer is ended because something hangs or failed: its end must not hang behind that. */
const END_MS = 3_000

/** Lets go of a producer, within a bound; what goes wrong with it concerns nobody any more. */
export async function endProducer(producer: Producer, clock: Clock, log: Log): Promise<void> {
  const disconnected = producer.disconnect().catch((error: unknown) => log.debug({ reason: reasonOf(error) }, 'a producer did not disconnect'))
  await within(clock, END_MS, disconnected, () => log.debug('a producer was left behind'))
}
