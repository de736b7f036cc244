/** What is done to the sink: at its connection in the moments of a commit, to its ownership, and to its process. */
import { setTimeout as wait } from 'node:timers/promises'
import type { FailpointName } from '#runtime/failpoints.ts'
import type { Random } from '#test/delivery/faults/random.ts'
import { onServer } from '#test/support/database.ts'
import type { Arena } from './arena.ts'
import { DEADLINE_MS } from './hasty-store.ts'
import type { Act, Moment } from './moments.ts'

export interface Strike {
  name: string
  /** How often it is drawn, against the others. */
  weight: number
  /** Resolves when it has struck. */
  strike(arena: Arena, random: Random): Promise<void>
}

const at = (moment: Moment, act: (arena: Arena, random: Random) => Act) => async (arena: Arena, random: Random): Promise<void> =>
  struckWhileRowsCome(arena, arena.moments.next(moment, act(arena, random)))

export const STRIKES: readonly Strike[] = [
  { name: 'cut as the transaction begins', weight: 2, strike: at('begin', () => cutting('drop')) },
  { name: 'reset while rows are copied', weight: 2, strike: at('copy', (_, random) => (link) => {
    setTimeout(() => link.reset(), random.whole(0, 4))
    return 'pass'
  }) },
  { name: 'cut before COMMIT is sent', weight: 4, strike: at('commit', () => cutting('drop')) },
  { name: 'cut while COMMIT is on its way', weight: 4, strike: at('commit', (_, random) => (link) => {
    setTimeout(() => link.cut(), random.whole(0, 3))
    return 'pass'
  }) },
  { name: 'cut before the reply to COMMIT comes', weight: 4, strike: at('committed', () => cutting('drop')) },
  { name: 'reply to COMMIT lost, connection open until the deadline', weight: 1, strike: at('committed', () => (link) => {
    link.losesReplies = true
    return 'drop'
  }) },
  { name: 'COMMIT arrives after the deadline', weight: 1, strike: commitThatIsLate },
  { name: 'cut after the reply to COMMIT', weight: 3, strike: at('committed', (_, random) => (link) => {
    setTimeout(() => link.cut(), random.whole(0, 3))
    return 'pass'
  }) },
  { name: 'session ended by an operator in the transaction', weight: 2, strike: at('copy', (arena, random) => endingSession(arena, random)) },
  { name: 'session ended by an operator at COMMIT', weight: 3, strike: at('commit', (arena, random) => endingSession(arena, random)) },
  { name: 'a rival claims at COMMIT', weight: 1, strike: rivalry },
]

/** Killed there by itself, the Nth time that it comes by. */
export const KILLED_AT: readonly FailpointName[] = [
  'before-sql', 'after-progress', 'after-rows', 'before-sql-commit', 'sql-commit-sent', 'after-sql-commit', 'after-announce', 'after-sink-offsets', 'after-claim',
]

/** Longest until a strike falls: rows keep coming, so the sink commits as soon as it can. */
const STRIKE_MS = 60_000
const STEP_MS = 40

/** Rows that come faster than a machine under load can store them would make each strike wait for the one before. */
const MOST_BACKLOG = 80

/** Puts rows in until the strike has fallen. @throws Error when it does not */
async function struckWhileRowsCome(arena: Arena, struck: Promise<void>): Promise<void> {
  let isOver = false
  void struck.then(() => (isOver = true))
  const deadlineMs = performance.now() + STRIKE_MS
  while (!isOver) {
    if (arena.halted !== undefined) throw new Error('the sink has ended', { cause: arena.halted })
    if (performance.now() > deadlineMs) throw new Error(`no such moment came within ${STRIKE_MS} ms`)
    if (arena.backlog < MOST_BACKLOG) await arena.inputs.putSome()
    await Promise.race([struck, wait(STEP_MS)])
  }
}

function cutting(bytes: 'pass' | 'drop'): Act {
  return (link) => {
    link.cut()
    return bytes
  }
}

/** The client has given up and gone when the server is asked to commit: its session lives on until then. */
async function commitThatIsLate(arena: Arena): Promise<void> {
  const { proxy, moments } = arena
  const struck = moments.next('commit', () => {
    proxy.set({ latencyMs: DEADLINE_MS + 500, closeDelayMs: 2 * DEADLINE_MS })
    setImmediate(() => proxy.set({ latencyMs: 0 }))
    return 'pass'
  })
  await struckWhileRowsCome(arena, struck)
  await wait(DEADLINE_MS + 100)
  proxy.set({ closeDelayMs: 0 })
}

function endingSession({ config }: Arena, random: Random): Act {
  const delayMs = random.whole(0, 2)
  return () => {
    const end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'store/%' and application_name not like 'store/rival%'"
    setTimeout(() => void onServer(config.databaseUrl, end).catch(() => {}), delayMs)
    return 'pass'
  }
}

/** The sink believes in its partitions until its next commit is refused; a new one claims them back. */
async function rivalry(arena: Arena): Promise<void> {
  const claimed = Promise.withResolvers<void>()
  await struckWhileRowsCome(arena, arena.moments.next('commit', () => {
    arena.claimAsRival().then(claimed.resolve, claimed.reject)
    return 'pass'
  }))
  await claimed.promise
  await arena.inputs.putSome()
  await wait(STEP_MS * 2)
  await arena.startSink()
}

/** Lets a process work until it dies at the failpoint. @throws Error when it does not, or dies of something else */
export async function killAt(arena: Arena, name: FailpointName, pass: number): Promise<void> {
  const worker = await arena.crew.begin(`${name}:${pass}:kill`)
  let signal: string | null | undefined
  void worker.ended.then((ending) => (signal = ending))
  const deadlineMs = performance.now() + STRIKE_MS
  while (signal === undefined) {
    if (performance.now() > deadlineMs) throw new Error(`the process did not come by ${name} within ${STRIKE_MS} ms\n${worker.tail()}`)
    await arena.inputs.putSome()
    await Promise.race([worker.ended, wait(STEP_MS)])
  }
  if (signal !== 'SIGKILL') throw new Error(`the process ended by itself\n${worker.tail()}`)
  await arena.evictMembers()
}
