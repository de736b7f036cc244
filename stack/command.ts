/** Programs run to their end, with a deadline and their output kept. */
import { spawn } from 'node:child_process'

export interface CommandOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  timeoutMs?: number
  /** To run as another user, when we are root. */
  uid?: number
  gid?: number
}

/** What a program said; `code` is -1 when it could not be started or ran past its deadline. */
export interface Outcome { code: number; stdout: string; stderr: string }

const KEPT_CHARS = 200_000

/** Runs a program to its end. Never rejects: that a program is missing is an answer too. */
export function attempt(file: string, args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const { timeoutMs = 60_000, ...rest } = options
  return new Promise((resolve) => {
    const child = spawn(file, args, { ...rest, stdio: ['ignore', 'pipe', 'pipe'] })
    // Not spawn's own timeout: its timer goes on when the program could not be started, and with it this process.
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const said = { stdout: '', stderr: '' }
    const settle = (code: number, addition = ''): void => {
      clearTimeout(timer)
      resolve({ code, stdout: said.stdout, stderr: said.stderr + addition })
    }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => { said[name] = (said[name] + chunk).slice(-KEPT_CHARS) })
    }
    child.on('error', (error) => settle(-1, error.message))
    child.on('close', (code, signal) => settle(code ?? -1, signal === null ? '' : `ended by ${signal}`))
  })
}

/**
 * What a program printed on standard output.
 * @throws Error with the command and the last lines it printed, when it ends otherwise than with 0
 */
export async function run(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await attempt(file, args, options)
  if (code === 0) return stdout
  const said = lastLines(`${stdout}\n${stderr}`, 15)
  throw new Error(`${file} ${args[0] ?? ''} ended with ${code}: ${said}`)
}

/** The last `count` lines that are not empty. */
export function lastLines(text: string, count: number): string {
  return text.split('\n').filter((line) => line.trim() !== '').slice(-count).join('\n')
}
