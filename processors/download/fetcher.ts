/** Brings the bytes that a submission names into the blob store. The only part of the pipeline that asks the outside world. */
import { Agent } from 'undici'
import { defineService, RetryLater, type BlobStore, type ServiceEnvironment } from '#runtime/api.ts'
import { typeOfPath } from './declared-type.ts'
import { Intake, judgeStored, type Taken } from './intake.ts'
import { takeLocalFile } from './local-file.ts'
import { AddressPolicy } from './net/address-policy.ts'
import { guardedConnect, type Connector } from './net/guarded-connect.ts'
import { HostSlots } from './net/host-slots.ts'
import { downloadHttp, HTTP_LIMITS, type Claims, type HttpLimits } from './net/http-download.ts'
import { createResolve, type Resolve } from './net/resolve.ts'
import { publicUri, type Source } from './source.ts'

export interface Fetched extends Taken {
  declaredType: string | null
  /** Where the bytes came from in the end, without credentials and query. */
  finalUri: string
  validator: string | null
}

export interface Fetcher {
  /**
   * Resolves once the bytes are in the store, durably. When `expected` is there already nothing is asked of anyone.
   * @throws Reject, RetryLater as `codes.ts` lists them
   */
  fetch(source: Source, expected: Buffer | null, blobs: BlobStore, signal: AbortSignal): Promise<Fetched>
}

/** Replaced in tests. */
export interface FetcherParts {
  resolve?: Resolve
  dial?: Connector
  limits?: HttpLimits
}

/** As browsers do nearly: more gains little from one server and looks like an attack. */
const PER_HOST = 4
/** Sockets, and 64 KiB or so of memory for each. */
const IN_ALL = 64
const MAX_HEADER_BYTES = 16 * 1024

interface OpenFetcher extends Fetcher {
  close(): Promise<void>
}

/** @throws Halt `config.invalid` */
export function openFetcher({ config, clock }: Pick<ServiceEnvironment, 'config' | 'clock'>, parts: FetcherParts = {}): OpenFetcher {
  const policy = new AddressPolicy(config.allowAddresses)
  const connect = guardedConnect({ policy, resolve: parts.resolve ?? createResolve(), ...(parts.dial && { dial: parts.dial }) })
  const agent = new Agent({ connect, connections: PER_HOST, pipelining: 1, maxHeaderSize: MAX_HEADER_BYTES, allowH2: false })
  const slots = new HostSlots({ perHost: PER_HOST, total: IN_ALL }, clock)
  const world = { agent, clock, limits: parts.limits ?? HTTP_LIMITS }

  async function download(url: URL, intake: Intake, signal: AbortSignal): Promise<Claims> {
    return await slots.within(url.host, signal, async () => {
      try {
        return await withDeadline(config.downloadDeadlineMs, url.host, signal, (bounded) => downloadHttp(world, url, intake, bounded))
      } catch (error) {
        if (error instanceof RetryLater && error.afterMs !== undefined) slots.pause(url.host, error.afterMs)
        throw error
      }
    })
  }

  async function take(source: Exclude<Source, { kind: 'blob' }>, intake: Intake, signal: AbortSignal): Promise<Claims> {
    if (source.kind === 'http') return await download(source.url, intake, signal)
    await takeLocalFile(source.path, config.fileRoots, intake, signal)
    return { url: source.url, declaredType: null, validator: null }
  }

  return {
    async fetch(source, expected, blobs, signal) {
      const terms = { maxBytes: config.maxDownloadBytes, expected }
      const known = source.kind === 'blob' ? source.sha256 : expected
      if (known !== null && (source.kind === 'blob' || (await blobs.has(known)))) {
        return withoutClaims(source, await judgeStored(blobs, known, terms))
      }
      const intake = new Intake(blobs, terms)
      try {
        const claims = await take(source as Exclude<Source, { kind: 'blob' }>, intake, signal)
        const taken = await intake.finish()
        return expected === null ? withClaims(claims, taken) : withoutClaims(source, taken)
      } finally {
        await intake.abort()
      }
    },
    close: () => agent.destroy(),
  }
}

function withClaims({ url, declaredType, validator }: Claims, taken: Taken): Fetched {
  return { ...taken, declaredType: declaredType ?? typeOfPath(url.pathname), finalUri: publicUri({ kind: 'http', url }), validator }
}

/**
 * A submission that names its bytes has one answer, whether they were fetched or found: a redelivery finds what the
 * first delivery fetched, and must say the same (I2). So the server's claims are left out of both.
 */
function withoutClaims(source: Source, taken: Taken): Fetched {
  const declaredType = source.kind === 'blob' ? null : typeOfPath(source.url.pathname)
  return { ...taken, declaredType, finalUri: publicUri(source), validator: null }
}

/** Bounds the whole transfer, however many hops and breaks it has. */
async function withDeadline<T>(deadlineMs: number, host: string, signal: AbortSignal, transfer: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = AbortSignal.timeout(deadlineMs)
  try {
    return await transfer(AbortSignal.any([signal, deadline]))
  } catch (cause) {
    if (signal.aborted || !deadline.aborted) throw cause
    throw new RetryLater('download.timeout', `the download from ${host} took longer than ${deadlineMs} ms (SLUICE_DOWNLOAD_DEADLINE_MS)`, { cause })
  }
}

export const fetcher = defineService<OpenFetcher>({
  name: 'fetcher',
  open: (environment) => openFetcher(environment),
  close: (opened) => opened.close(),
})
