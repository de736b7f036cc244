/** One request and its redirects, up to the head of the final answer. */
import { request, type Agent, type Dispatcher } from 'undici'
import { Reject } from '#runtime/api.ts'
import { redirectTarget } from '../source.ts'

export interface Answer {
  /** After redirects. */
  url: URL
  status: number
  /** One header's value; repeated ones are joined by commas; undefined when it is absent or empty. */
  header(name: string): string | undefined
  body: AsyncIterable<Uint8Array>
  /** Gives the connection back when little is left of the body, and closes it otherwise. */
  discard(): Promise<void>
  /** Closes the connection. */
  drop(): void
}

export interface ExchangeLimits {
  headersTimeoutMs: number
  idleTimeoutMs: number
}

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** A connection is worth keeping for this much of an unwanted body, and not for more. */
const DISCARD_BYTES = 16 * 1024
const DISCARD_MS = 1000

/**
 * All that is ever sent. Identity keeps the size limit and ranges exact and every decompressor out of reach of
 * strangers.
 */
const HEADERS = { 'user-agent': 'sluice', accept: '*/*', 'accept-encoding': 'identity' }

/**
 * Follows at most five redirects. Every hop passes the agent's guarded connector like the first.
 * @throws Reject `download.redirect-limit`, `download.redirect-downgrade`, `download.unknown-scheme`,
 *   `download.content-encoding` and those of the connector; whatever undici throws is passed on
 */
export async function exchange(
  agent: Agent, start: URL, extraHeaders: Record<string, string>, limits: ExchangeLimits, signal: AbortSignal,
): Promise<Answer> {
  let url = start
  for (let hops = 0; ; hops += 1) {
    const answer = await ask(agent, url, extraHeaders, limits, signal)
    const location = REDIRECTS.has(answer.status) ? answer.header('location') : undefined
    if (location === undefined) return checkEncoding(answer)
    await answer.discard()
    if (hops === MAX_REDIRECTS) throw new Reject('download.redirect-limit', `${start.host} redirects more than ${MAX_REDIRECTS} times`)
    url = redirectTarget(url, location)
  }
}

async function ask(agent: Agent, url: URL, extraHeaders: Record<string, string>, limits: ExchangeLimits, signal: AbortSignal): Promise<Answer> {
  const response = await request(url, {
    dispatcher: agent,
    headers: { ...HEADERS, ...extraHeaders },
    headersTimeout: limits.headersTimeoutMs,
    bodyTimeout: limits.idleTimeoutMs,
    signal,
  })
  return answerOf(url, response)
}

function answerOf(url: URL, { statusCode, headers, body }: Dispatcher.ResponseData): Answer {
  // A body that nobody reads to its end still reports its end; whoever reads it gets the error from the iteration.
  body.on('error', () => {})
  return {
    url,
    status: statusCode,
    header: (name) => (Array.isArray(headers[name]) ? headers[name].join(', ') : headers[name]) || undefined,
    body,
    // A body that does not end in time is destroyed by then, which is all that is wanted.
    discard: () => body.dump({ limit: DISCARD_BYTES, signal: AbortSignal.timeout(DISCARD_MS) }).catch(() => {}),
    drop: () => { body.destroy() },
  }
}

function checkEncoding(answer: Answer): Answer {
  const encoding = answer.header('content-encoding')
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return answer
  answer.drop()
  throw new Reject('download.content-encoding', `${answer.url.host} sent the body as ${encoding.slice(0, 40)} although it was asked not to`)
}
