/**
 * Apicurio Registry behind the Confluent API.
 *
 * Its default storage is memory: after a restart the ids would be given anew while records in kept topics still carry
 * the old ones. It keeps an H2 file instead: as quick as memory (1.3 s to ready), where our Postgres as storage
 * would have to be up first.
 */
import { mkdir } from 'node:fs/promises'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { javaOptions, keepArchive } from '../java.ts'
import type { Place, Recipe } from '../recipe.ts'
import { until } from '../wait.ts'

const BASE_PATH = '/apis/ccompat/v7'

export const registry: Recipe = {
  part: 'registry',
  ports: ['registry'],
  stopSignal: 'SIGTERM',
  marker: (place) => databaseUrl(place),
  address: ({ ports }) => `http://127.0.0.1:${ports.registry}${BASE_PATH}`,
  async prepare({ dir }) {
    await mkdir(join(dir, 'registry'), { recursive: true })
  },
  command: (place) => ({
    file: place.programs.java,
    args: [...javaOptions(place, 64, 384), ...settings(place), '-jar', runner(place)],
  }),
  ready: (place, signal) => registryAnswers(registry.address(place), signal),
  ended: keepArchive,
}

/** Every commit is written at once: an id that was given out survives SIGKILL. */
function databaseUrl({ dir }: Place): string {
  return `jdbc:h2:file:${join(dir, 'registry', 'schemas')};WRITE_DELAY=0`
}

function runner({ home }: Place): string {
  const name = readdirSync(home).find((file) => file.endsWith('-runner.jar'))
  if (name === undefined) throw new Error(`no runner jar in ${home}; remove that folder to have it downloaded again`)
  return join(home, name)
}

function settings(place: Place): string[] {
  const values = {
    'quarkus.http.host': '127.0.0.1',
    'quarkus.http.port': place.ports.registry,
    'quarkus.http.access-log.enabled': false,
    'quarkus.log.level': 'WARN',
    'quarkus.banner.enabled': false,
    'apicurio.storage.kind': 'sql',
    'apicurio.storage.sql.kind': 'h2',
    'apicurio.datasource.url': databaseUrl(place),
    'apicurio.datasource.jdbc.initial-size': 2,
    'apicurio.datasource.jdbc.min-size': 2,
  }
  return Object.entries(values).map(([name, value]) => `-D${name}=${value}`)
}

/** Resolves when the registry lists its subjects. */
export async function registryAnswers(url: string, signal: AbortSignal): Promise<void> {
  await until(async () => {
    const response = await fetch(`${url}/subjects`, { signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]) })
    await response.arrayBuffer()
    return response.status === 200 ? true : undefined
  }, signal)
}
