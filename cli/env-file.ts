/** The settings of a private stack that is running, in the form of `.env`; commands use them where the environment is silent. */
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

export const ENV_FILE = '.sluice/env'

/** Variables that are set already are left as they are. */
export function loadEnvFile(): void {
  if (existsSync(ENV_FILE)) process.loadEnvFile(ENV_FILE)
}

/** Written whole or not at all. */
export async function writeEnvFile(variables: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
  const temporary = `${ENV_FILE}.${process.pid}`
  await mkdir(dirname(ENV_FILE), { recursive: true })
  await writeFile(temporary, lines.join(''))
  await rename(temporary, ENV_FILE)
}

export async function removeEnvFile(): Promise<void> {
  await rm(ENV_FILE, { force: true })
}
