/** One attempt of a processor's function: its services, its deadline, its batch. */
import type { Clock } from '../clock.ts'
import type { Context, Processor } from '../define/processor.ts'
import type { Opened, Services } from '../define/service.ts'
import type { Outgoing } from '../define/topic.ts'
import type { Log } from '../log.ts'
import { Batcher } from './batcher.ts'
import { withDeadline } from './deadline.ts'

/** Answers at once when the processor does. */
export type Attempt = (value: unknown, signal: AbortSignal) => Promise<Outgoing[]> | Outgoing[]

export interface HandlerParts {
  processor: Processor
  services: Opened<Services>
  clock: Clock
  log: Log
}

/** The function that the loop calls for each record, whichever way the processor was written. */
export function openHandler(parts: HandlerParts): Attempt {
  return parts.processor.batch ? batched(parts) : single(parts)
}

function single({ processor, services, clock, log }: HandlerParts): Attempt {
  return (value, parent) => withDeadline(clock, processor.deadlineMs, parent, (allowance) =>
    processor.handle!(value, { ...services, get signal() { return allowance.signal }, log } as Context<Services>))
}

/** A batch holds records of several partitions, so that it fills at low load too; it has one deadline and no parent. */
function batched({ processor, services, clock, log }: HandlerParts): Attempt {
  const never = new AbortController().signal
  const batcher = new Batcher(processor.batch!, clock, async (values) => withDeadline(clock, processor.deadlineMs, never, async ({ signal }) =>
    processor.handleMany!(values, { ...services, signal, log } as Context<Services>)))
  return (value) => batcher.submit(value)
}
