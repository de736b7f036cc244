/**
 * Named points between the steps of the commit procedures, where a test makes this process die, freeze, fail or hang.
 * The steps are those of DESIGN.md, section 5.
 */
import { writeSync } from 'node:fs'
import { Halt } from './errors.ts'

export const FAILPOINTS = [
  // Commit of a stateless stage
  'after-poll', 'in-handler', 'before-send', 'after-send', 'before-offsets', 'after-offsets',
  // Take-over of a stateful stage
  'before-fence', 'after-fence', 'after-barrier', 'after-position', 'mid-restore', 'after-restore',
  // Commit of a stateful stage
  'before-begin', 'after-begin', 'after-produce', 'after-offsets-sent', 'before-end-txn', 'end-txn-sent', 'after-end-txn',
  // Claim and commit of a sink
  'before-claim', 'after-claim', 'before-sql', 'after-progress', 'after-rows', 'before-sql-commit', 'sql-commit-sent', 'after-sql-commit',
  'after-announce', 'after-sink-offsets',
] as const
export type FailpointName = (typeof FAILPOINTS)[number]

/** Called where a step ends; absent outside of tests. */
export type Failpoint = (name: FailpointName) => Promise<void> | undefined

const ACTIONS = ['kill', 'stop', 'throw', 'hang'] as const
type Action = (typeof ACTIONS)[number]

interface Armed { name: FailpointName; nth: number; action: Action }

/**
 * `NAME:N:ACTION[,…]`: the Nth time that this process comes by NAME it kills itself (SIGKILL), stops itself (SIGSTOP),
 * throws, or hangs there. Undefined for an empty text. Before it acts it says so on standard error.
 * @throws Halt `config.invalid`
 */
export function armFailpoints(text: string): Failpoint | undefined {
  if (text === '') return undefined
  const armed = text.split(',').map(parse)
  const passes = new Map<FailpointName, number>()
  return (name) => {
    const pass = (passes.get(name) ?? 0) + 1
    passes.set(name, pass)
    const due = armed.find((point) => point.name === name && point.nth === pass)
    return due && strike(due)
  }
}

function parse(text: string): Armed {
  const [name, nth, action] = text.trim().split(':')
  const isKnown = FAILPOINTS.includes(name as FailpointName) && /^[1-9]\d*$/.test(nth ?? '') && ACTIONS.includes(action as Action)
  if (!isKnown) throw new Halt('config.invalid', `SLUICE_FAILPOINTS: ${JSON.stringify(text)} is not NAME:N:ACTION.`, `Names: ${FAILPOINTS.join(', ')}. Actions: ${ACTIONS.join(', ')}.`)
  return { name: name as FailpointName, nth: Number(nth), action: action as Action }
}

function strike({ name, nth, action }: Armed): Promise<void> | undefined {
  writeSync(process.stderr.fd, `failpoint ${name} ${nth} ${action}\n`)
  switch (action) {
    case 'kill': process.kill(process.pid, 'SIGKILL'); break
    case 'stop': process.kill(process.pid, 'SIGSTOP'); break
    case 'throw': return Promise.reject(new Error(`failpoint ${name}`))
    case 'hang': break
  }
  // SIGKILL takes effect at once on this thread; a stopped process goes on from here when it is continued.
  return action === 'hang' ? new Promise(() => {}) : undefined
}
