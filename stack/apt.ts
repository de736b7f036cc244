/** Installing Debian packages, where we may. */
import { existsSync } from 'node:fs'
import { attempt, run } from './command.ts'

const MINUTES = 60_000
/** Another apt may be at work, such as the nightly update: wait for it rather than fail. */
const WAIT_FOR_LOCK = ['-o', 'DPkg::Lock::Timeout=300']

/** Whether this is a Debian system and we are root. */
export async function canInstall(): Promise<boolean> {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && (await attempt('apt-get', ['--version'])).code === 0
}

/** Installs one of each list: the first that this release of Debian has. */
export async function aptInstall(wanted: readonly (readonly string[])[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', [...WAIT_FOR_LOCK, 'update', '-q'], { env, timeoutMs: 5 * MINUTES })
  const names = await Promise.all(wanted.map((choices) => firstKnown(choices)))
  const args = ['install', '-q', '-y', '--no-install-recommends', '--no-upgrade', ...new Set(names)]
  await run('apt-get', [...WAIT_FOR_LOCK, ...args], { env, timeoutMs: 20 * MINUTES })
}

async function firstKnown(choices: readonly string[]): Promise<string> {
  for (const name of choices) {
    const { stdout } = await attempt('apt-cache', ['policy', name])
    if (/Candidate: (?!\(none\))/.test(stdout)) return name
  }
  return choices[0] ?? ''
}
