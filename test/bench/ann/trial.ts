/** Each design sealed and searched, over sets of vectors and numbers of segments. */
import { Client } from 'pg'
import { openGround, type Ground as Cluster } from '../writes/ground/ground.ts'
import { seal, SIGNS, type Design, type Sealing } from './segments.ts'
import { designName, searchesFor, titleOf, trySearch, type Outcome } from './searches.ts'
import { nearestOf, type Truth } from './truth.ts'
import { centreOf, countOf, type VectorSet } from './vector-set.ts'

export interface Trial {
  set: VectorSet
  /** Into how many segments the same rows are parted. */
  segments: number
  designs: Design[]
}

export interface Finding {
  trial: Trial
  design: Design
  sealing: Sealing
  outcomes: Outcome[]
  /** Empty when it can be relied on. */
  problems: string[]
}

/** Above the graph of 100,000 vectors; a build that outgrows it goes on page by page. */
const BUILD_MEMORY = '1GB'

/** One process builds and one searches: a second core would shorten both alike, and hide what they cost. */
const SETTINGS = { maintenance_work_mem: BUILD_MEMORY, max_parallel_maintenance_workers: 0, max_parallel_workers_per_gather: 0 }

/** Without WAL of what the same transaction made. */
export const MINIMAL = { wal_level: 'minimal', max_wal_senders: 0 }

/** On a cluster of its own that goes afterwards. */
export async function withCluster<T>(settings: Readonly<Record<string, string | number>>, work: (client: Client) => Promise<T>): Promise<T> {
  const cluster = await openGround({ dataBytes: 8 * 2 ** 30, walBytes: 4 * 2 ** 30, walPoolBytes: 64 * 2 ** 20, devices: false, settings: { ...SETTINGS, ...settings } })
  try {
    const client = await connect(cluster)
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  } finally {
    await cluster.close()
  }
}

async function connect({ databaseUrl }: Cluster): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('create extension if not exists vector')
  return client
}

export async function tryAll(client: Client, trials: Trial[], log: (line: string) => void): Promise<Finding[]> {
  const findings: Finding[] = []
  const truths = new Map<VectorSet, Truth>()
  for (const trial of trials) {
    const truth = truths.get(trial.set) ?? nearestOf(trial.set)
    truths.set(trial.set, truth)
    for (const design of trial.designs) findings.push(await tryDesign(client, trial, truth, design, log))
  }
  return findings
}

/** Sealing alone, of each design. */
export async function sealAll(client: Client, { set, segments, designs }: Trial, log: (line: string) => void): Promise<{ design: Design; sealing: Sealing }[]> {
  const sealings = []
  for (const design of designs) {
    sealings.push({ design, sealing: await seal(client, set, segments, design) })
    log(`${set.name}: ${designName(design)}: sealed again`)
  }
  return sealings
}

async function tryDesign(client: Client, trial: Trial, truth: Truth, design: Design, log: (line: string) => void): Promise<Finding> {
  const { set, segments } = trial
  const sealing = await seal(client, set, segments, design)
  log(`${set.name} in ${segments}: ${designName(design)}: sealed in ${sealing.whole.seconds.toFixed(1)} s`)
  const problems = await contentProblems(client, trial, design)
  const outcomes: Outcome[] = []
  for (const search of searchesFor(design, segments)) {
    const outcome = await trySearch({ client, set, truth, segments }, search, design.kind === 'codes' ? design.centre : undefined)
    outcomes.push(outcome)
    log(`${set.name} in ${segments}: ${titleOf(search)}: recall ${outcome.recall.toFixed(3)}, p95 ${outcome.p95Ms.toFixed(1)} ms`)
  }
  return { trial, design, sealing, outcomes, problems: [...problems, ...outcomes.flatMap((outcome) => outcome.problems)] }
}

/** Every row is there, six a page, and our signs are those of pgvector. */
async function contentProblems(client: Client, { set }: Trial, design: Design): Promise<string[]> {
  const { rows: [row] } = await client.query<{ rows: number }>('select count(*)::integer as rows from vector_row')
  const problems = row!.rows === countOf(set) ? [] : [`${row!.rows} rows of ${countOf(set)}`]
  if (design.kind === 'codes' && !design.centre) {
    const { rows: [other] } = await client.query<{ rows: number }>(`select count(*)::integer as rows from vector_row join code using (segment, id) where signs = ${SIGNS}`)
    if (other!.rows !== countOf(set)) problems.push(`${other!.rows} of ${countOf(set)} codes are as pgvector makes them`)
  }
  return problems
}

/** What is tried with one segment; `centreOf` is what a sink could know of vectors that it has seen. */
export function allDesigns({ vectors }: VectorSet): Design[] {
  return [
    { kind: 'none' }, { kind: 'codes' }, { kind: 'codes', centre: centreOf(vectors) },
    { kind: 'hnsw', of: 'signs', m: 16 }, { kind: 'hnsw', of: 'signs', m: 8 }, { kind: 'hnsw', of: 'vectors', m: 16 },
  ]
}

export const MERGED_DESIGNS: Design[] = [{ kind: 'none' }, { kind: 'codes' }, { kind: 'hnsw', of: 'signs', m: 16 }]
