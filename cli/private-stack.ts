/** The private stack for development: up with topics and tables, and down. */
import { stopStack } from '#stack/lease.ts'
import { startStack, type Stack } from '#stack/stack.ts'
import { openLog, settings } from './command.ts'
import { DEMO_STACK_DIR, stopKeptStages } from './demo/kept.ts'
import { removeEnvFile, writeEnvFile } from './env-file.ts'
import { prepare } from './prepare.ts'
import type { Screen } from './screen.ts'

const DIR = '.sluice'

/** Starts the stack and makes topics and tables; then returns, or waits for Ctrl-C and stops it. */
export async function startPrivateStack(screen: Screen, detach: boolean): Promise<void> {
  const stack = await startStack({ dir: DIR, log: (line) => screen.note(line) })
  try {
    await writeEnvFile(stack.env())
    const config = await settings()
    await prepare(config, await openLog(config), (line) => screen.note(line))
    screen.answer(stack.env(), () => Object.entries(stack.env()).map(([name, value]) => `export ${name}=${value}`).join('\n'))
    if (detach) return await leaveRunning(stack, screen)
    screen.note('Ctrl-C stops it; data are kept. Other sluice commands in this folder use it meanwhile.')
    await interrupted()
  } catch (error) {
    await end(stack)
    throw error
  }
  await end(stack)
}

/** Ends everything that was left running here. */
export async function stopPrivateStack(screen: Screen): Promise<void> {
  const stages = await stopKeptStages()
  const stacks = await Promise.all([stopStack(DIR), stopStack(DEMO_STACK_DIR)].map((stopping) => stopping.catch(() => false)))
  await removeEnvFile()
  const stopped = stages || stacks.includes(true)
  screen.answer({ stopped }, () => (stopped ? 'Stopped.' : 'Nothing was running.'))
}

async function leaveRunning(stack: Stack, screen: Screen): Promise<void> {
  await stack.keep()
  screen.note('It runs on until `sluice down`. Other sluice commands in this folder use it meanwhile.')
}

async function end(stack: Stack): Promise<void> {
  await removeEnvFile()
  await stack.stop()
}

function interrupted(): Promise<void> {
  // A timer keeps the process alive: the bare hold on the stack does not.
  const alive = setInterval(() => {}, 60_000)
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { clearInterval(alive); resolve() })
  })
}
