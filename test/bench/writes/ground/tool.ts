/** Programs of the system that root's PATH should have and sometimes has not. */
import { attempt, lastLines } from '#stack/command.ts'

const DEADLINE_MS = 60_000

/**
 * What the program printed.
 * @throws Error with the program's own words, when it is missing or ends otherwise than with 0
 */
export async function tool(file: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' }
  const { code, stdout, stderr } = await attempt(file, args, { env, timeoutMs: DEADLINE_MS })
  if (code !== 0) throw new Error(`${file}: ${lastLines(stderr, 3) || `ended with ${code}`}`)
  return stdout.trim()
}
