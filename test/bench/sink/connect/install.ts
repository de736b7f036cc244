/**
 * Kafka Connect with Debezium's JDBC sink and Apicurio's Avro converter, from Maven Central into the cache that the stack's
 * programs are kept in. Maven fails on a checksum that does not agree.
 */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt, lastLines, run } from '#stack/command.ts'
import { installParts } from '#stack/install.ts'
import { ensureTools } from '#stack/tools.ts'
import { workFolder } from '../../../../bin/cache.mjs'
import { withLock } from '../../../../bin/lock.mjs'

export const KAFKA = '4.3.0'
/** The last one that runs on Java 17. */
export const DEBEZIUM = '3.0.0.Final'
/** The last one of which Maven Central has every part. It speaks with registries of version 3 by their older API. */
const APICURIO = '2.6.13.Final'
const SLF4J = '1.7.36'

const DOWNLOAD_DEADLINE_MS = 20 * 60_000

export interface ConnectPrograms {
  java: string
  /** Every jar of the worker, sorted. */
  classPath: string
  /** A folder for each plugin. */
  plugins: string
}

/** Downloads some 100 MB when they are not there yet. */
export async function installConnect(): Promise<ConnectPrograms> {
  const { java, cache } = await installParts(['kafka'], () => {})
  const home = join(cache, `connect-${KAFKA}-debezium-${DEBEZIUM}`)
  await withLock(`${home}.lock`, async () => {
    if (!existsSync(home)) await build(cache, home)
  })
  const lib = join(home, 'lib')
  const jars = (await readdir(lib)).filter((name) => name.endsWith('.jar')).sort()
  return { java, classPath: jars.map((name) => join(lib, name)).join(':'), plugins: join(home, 'plugins') }
}

/** Built beside its place and moved there when complete: a folder that exists is whole. */
async function build(cache: string, home: string): Promise<void> {
  await ensureTools(['maven'], () => {})
  const work = await workFolder(cache)
  try {
    const fresh = join(work, 'home')
    const plugins = join(fresh, 'plugins')
    await mkdir(plugins, { recursive: true })
    await copyWithDependencies(work, join(fresh, 'lib'), [['org.apache.kafka', 'connect-runtime', KAFKA], ['org.slf4j', 'slf4j-simple', SLF4J]])
    await copyWithDependencies(work, join(plugins, 'avro'), [['io.apicurio', 'apicurio-registry-utils-converter', APICURIO]])
    await removeShared(join(plugins, 'avro'))
    await unpackDebezium(work, plugins)
    await rename(fresh, home)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

type Coordinates = [group: string, artifact: string, version: string]

async function copyWithDependencies(work: string, target: string, artifacts: Coordinates[]): Promise<void> {
  const dependencies = artifacts.map(([group, artifact, version]) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`)
  await writeFile(join(work, 'pom.xml'), `<project><modelVersion>4.0.0</modelVersion>
<groupId>sluice</groupId><artifactId>connect</artifactId><version>1</version><dependencies>${dependencies.join('\n')}</dependencies></project>\n`)
  await maven(work, ['dependency:copy-dependencies', `-DoutputDirectory=${target}`, '-DincludeScope=runtime'])
}

/** A plugin must not bring classes of its own for what it shares with the worker. */
async function removeShared(plugin: string): Promise<void> {
  const shared = (await readdir(plugin)).filter((name) => /^(connect-|kafka-clients|slf4j-)/.test(name))
  for (const name of shared) await rm(join(plugin, name))
}

async function unpackDebezium(work: string, plugins: string): Promise<void> {
  await maven(work, ['dependency:copy', `-Dartifact=io.debezium:debezium-connector-jdbc:${DEBEZIUM}:tar.gz:plugin`, `-DoutputDirectory=${work}`])
  await run('tar', ['-xzf', join(work, `debezium-connector-jdbc-${DEBEZIUM}-plugin.tar.gz`), '-C', plugins, '--no-same-owner'])
}

async function maven(cwd: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await attempt('mvn', ['-q', '-B', '-C', ...args], { cwd, timeoutMs: DOWNLOAD_DEADLINE_MS })
  if (code === 0) return
  const first = stdout.split('\n').find((line) => /^\[ERROR\] \S/.test(line))
  throw new Error(`Kafka Connect could not be downloaded: ${first ?? lastLines(stdout + stderr, 5)}`)
}
