/** Faults of Postgres, aimed at the moments before, during and after a COMMIT of the sink. */
import { readdirSync, readFileSync } from 'node:fs'
import type { FailpointName } from '#runtime/failpoints.ts'
import { onServer } from '#test/support/database.ts'
import type { Fault } from './fault.ts'
import { Deck, shuffled } from './random.ts'
import { SESSION_MS, type World } from './world.ts'

type Blow = 'backend killed' | 'immediate stop' | 'restart' | 'stopped for 5 s'
const BLOWS: readonly Blow[] = ['backend killed', 'immediate stop', 'restart', 'stopped for 5 s']

/** Before, during and after COMMIT, and at no particular moment. */
const MOMENTS: readonly (FailpointName | undefined)[] = ['before-sql-commit', 'sql-commit-sent', 'after-sql-commit', undefined]

const STOPPED_MS = 5_000

export const postgresAway: Fault = {
  name: 'F8', title: 'Postgres struck', strikes: 8, parameters: `${BLOWS.join(', ')}; before, during and after COMMIT`,
  async inject(world, strikes) {
    const blows = new Deck(shuffled(BLOWS.flatMap((blow) => MOMENTS.map((moment) => ({ blow, moment }))), world.randomOf('F8')), world.randomOf('F8'))
    for (let n = 0; n < strikes && !world.faultsOver.aborted; n++) {
      const { blow, moment } = blows.next()
      await (moment === undefined ? strike(world, blow, 'at any moment') : strikeAt(world, blow, moment))
      await world.sleep(world.randomOf('F8').between(1_000, 3_000))
    }
  },
  async heal(world) {
    for (const pid of serversOf(world)) process.kill(pid, 'SIGCONT')
  },
}

/** A sink process stops itself at the moment; then the blow falls, and the process goes on. */
async function strikeAt(world: World, blow: Blow, moment: FailpointName): Promise<void> {
  const slot = world.randomOf('F8').pick(world.crewOf('keep'))
  slot.arm = () => ({ failpoints: `${moment}:${world.randomOf('F8').whole(1, 5)}:stop` })
  await slot.kill()
  const stopped = await slot.nextStrike(AbortSignal.any([world.faultsOver, AbortSignal.timeout(2 * SESSION_MS)]))
  slot.arm = () => undefined
  if (stopped) await strike(world, blow, moment, () => slot.signal('SIGCONT'))
  slot.signal('SIGCONT')
}

async function strike(world: World, blow: Blow, moment: string, thaw: () => void = () => {}): Promise<void> {
  const struck = world.strike({ row: 'F8', stage: 'keep', detail: `${blow}, ${moment}` })
  world.beginOutage()
  await BLOW[blow](world, thaw)
  world.endOutage()
  struck.healedMs = Date.now()
}

/** The process goes on while the server is still away, where it is away for long. */
const BLOW: Readonly<Record<Blow, (world: World, thaw: () => void) => Promise<void>>> = {
  async 'backend killed'({ arena, databaseUrl }, thaw) {
    const sessions = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${new URL(databaseUrl).pathname.slice(1)}' and pid <> pg_backend_pid()`
    await onServer(arena.stack.databaseUrl, sessions)
    thaw()
  },
  async 'immediate stop'({ arena }, thaw) {
    await arena.stack.kill('postgres', 'SIGQUIT')
    thaw()
    await arena.stack.restart('postgres')
  },
  async restart({ arena }, thaw) {
    const restarted = arena.stack.restart('postgres')
    thaw()
    await restarted
  },
  async 'stopped for 5 s'(world, thaw) {
    for (const pid of serversOf(world)) process.kill(pid, 'SIGSTOP')
    thaw()
    await world.sleep(STOPPED_MS)
    for (const pid of serversOf(world)) process.kill(pid, 'SIGCONT')
  },
}

/** The server's processes: the postmaster and its children. */
function serversOf({ arena }: World): number[] {
  const postmaster = arena.stack.pids.postgres
  if (postmaster === undefined) return []
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => parentOf(pid) === postmaster)
  return [postmaster, ...children]
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined // it has ended meanwhile
  }
}
