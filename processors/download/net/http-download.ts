/** A whole file over HTTP, resumed when the connection breaks. */
import type { Agent } from 'undici'
import { Halt, Reject, RetryLater, type ServiceEnvironment } from '#runtime/api.ts'
import { typeOfHeader } from '../declared-type.ts'
import type { Intake } from '../intake.ts'
import { contentRange, retryAfterMs, verdictOnBreakdown, verdictOnStatus } from './answers.ts'
import { exchange, type Answer, type ExchangeLimits } from './http-exchange.ts'

type Clock = ServiceEnvironment['clock']

export interface HttpLimits extends ExchangeLimits {
  /** A transfer slower than this on average, once the grace is over, is given up. */
  minBytesPerSecond: number
  paceGraceMs: number
  /** Before a broken download goes on for the first time; doubled each time. */
  resumeDelayMs: number
}

export const HTTP_LIMITS: HttpLimits = { headersTimeoutMs: 30_000, idleTimeoutMs: 30_000, minBytesPerSecond: 10_000, paceGraceMs: 5_000, resumeDelayMs: 100 }

/** What the server claimed about the file. */
export interface Claims {
  url: URL
  declaredType: string | null
  validator: string | null
}

interface World {
  agent: Agent
  clock: Clock
  limits: HttpLimits
}

/** Breaks in one download before it is given back to be tried later. */
const MAX_BREAKS = 5

/**
 * Brings the file into the intake, whole; the caller finishes or aborts it. The signal carries the deadline.
 * @throws Reject, RetryLater as `codes.ts` lists them
 */
export async function downloadHttp(world: World, url: URL, intake: Intake, signal: AbortSignal): Promise<Claims> {
  let validator: string | undefined
  for (let breaks = 0; ; breaks += 1) {
    try {
      const answer = await exchange(world.agent, url, rangeFrom(intake.bytes, validator), world.limits, signal)
      if (await align(answer, intake, validator, world.clock)) {
        validator = strongValidator(answer) ?? validator
        await drain(answer, intake, world)
        return { url: answer.url, declaredType: typeOfHeader(answer.header('content-type')), validator: weakValidator(answer) }
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (isVerdict(error)) throw error
      if (breaks >= MAX_BREAKS || !isWorthResuming(error, intake)) throw verdictOnBreakdown(error, url.host)
    }
    await world.clock.sleep(world.limits.resumeDelayMs * 2 ** breaks, signal)
  }
}

/** Ask for the rest only with proof that it is the rest of the same file: If-Range makes the server compare (RFC 9110 13.1.5). */
function rangeFrom(bytes: number, validator: string | undefined): Record<string, string> {
  return bytes > 0 && validator !== undefined ? { range: `bytes=${bytes}-`, 'if-range': validator } : {}
}

/**
 * Brings answer and intake to the same position; false when they cannot be, and the file must be asked for afresh.
 * @throws Reject, RetryLater for a status that brings no file
 */
async function align(answer: Answer, intake: Intake, validator: string | undefined, clock: Clock): Promise<boolean> {
  const asked = intake.bytes > 0 && validator !== undefined
  if (asked && answer.status === 206 && continues(answer, intake.bytes, validator)) return true
  if (asked && (answer.status === 206 || answer.status === 416)) {
    answer.drop()
    await intake.restart()
    return false
  }
  if (answer.status < 200 || answer.status > 299 || answer.status === 206) {
    await answer.discard()
    throw verdictOnStatus(answer.status, answer.url.host, retryAfterMs(answer.header('retry-after'), clock.now()))
  }
  await intake.restart()
  announceLength(answer, intake)
  return true
}

function announceLength(answer: Answer, intake: Intake): void {
  try {
    intake.announce(Number(answer.header('content-length') ?? 0))
  } catch (error) {
    answer.drop()
    throw error
  }
}

/** Whether a partial answer begins where we stopped and is of the same version. A server may send no validator with it, but not another one. */
function continues(answer: Answer, bytes: number, validator: string): boolean {
  const now = strongValidator(answer)
  return contentRange(answer.header('content-range'))?.start === bytes && (now === undefined || now === validator)
}

async function drain(answer: Answer, intake: Intake, { clock, limits }: World): Promise<void> {
  const startMs = clock.monotonicMs()
  let bytes = 0
  for await (const chunk of answer.body) {
    await intake.write(chunk)
    bytes += chunk.length
    const elapsedMs = clock.monotonicMs() - startMs
    if (elapsedMs > limits.paceGraceMs && bytes < (limits.minBytesPerSecond * elapsedMs) / 1000) {
      throw new RetryLater('download.timeout', `${answer.url.host} sends less than ${limits.minBytesPerSecond} bytes a second`)
    }
  }
}

/** Proves that two answers are parts of the same bytes; a weak ETag does not. */
function strongValidator(answer: Answer): string | undefined {
  const etag = answer.header('etag')
  if (etag === undefined) return answer.header('last-modified')
  return etag.startsWith('W/') ? undefined : etag
}

/** Long ones are no validators but payload, and would travel with every record. */
const MAX_VALIDATOR_CHARACTERS = 256

function weakValidator(answer: Answer): string | null {
  const validator = answer.header('etag') ?? answer.header('last-modified')
  return validator === undefined || validator.length > MAX_VALIDATOR_CHARACTERS ? null : validator
}

/** A kept-alive connection that the server closed meanwhile fails at once, and a new one does not. */
function isWorthResuming(error: unknown, intake: Intake): boolean {
  return intake.bytes > 0 || (error instanceof Error && 'code' in error && error.code === 'UND_ERR_SOCKET')
}

function isVerdict(error: unknown): boolean {
  return error instanceof Reject || error instanceof RetryLater || error instanceof Halt
}
