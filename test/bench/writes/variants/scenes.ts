/** The same assets through the three designs: on empty tables, on full ones, and with checksums and a reader. */
import { cleaned } from '../subjects/cleaned.ts'
import { old } from '../subjects/old.ts'
import { ours } from '../subjects/ours.ts'
import { onSession } from '../subjects/session.ts'
import type { Subject } from '../subjects/subject.ts'
import type { Experiment } from './experiment.ts'
import { ROOM, ROOM_IN_FULL, sceneExperiment, type Part, type WindowPlan } from './scene.ts'

/** Assets per window: row statements take some 5 ms an asset, and what a commit of 100,000 rows costs shows after several. */
interface Loads { old: number; cleaned: number; ours: Readonly<Record<number, number>>; preloaded: number }

const USUAL: Loads = { old: 5_000, cleaned: 20_000, ours: { 100: 10_000, 1_000: 20_000, 5_000: 50_000, 20_000: 100_000, 100_000: 200_000 }, preloaded: 2_000_000 }
const FULL: Loads = { old: 20_000, cleaned: 50_000, ours: { 100: 20_000, 1_000: 50_000, 5_000: 100_000, 20_000: 200_000, 100_000: 500_000 }, preloaded: 6_100_000 }

/** Of the profiles: `latency` commits after a quarter of a second, `raid5` after 100,000 rows or a minute. */
const LATENCY = [100, 1_000]
const RAID5 = [5_000, 20_000, 100_000]

/** In the windows that count system calls, which slows them. */
const TRACED = { old: 1_000, cleaned: 5_000, ours: 100_000 }

const OLD_COMMIT = 5_000
const CLEANED_COMMITS = [2_000, 5_000]
export const RAID5_COMMIT = 100_000

/** Names of variants that the headline's figures are taken from. */
export const names = {
  old: (place: string) => `${place}/old/${OLD_COMMIT}`,
  cleaned: (place: string) => `${place}/cleaned/${CLEANED_COMMITS.at(-1)}`,
  ours: (place: string, rowsPerCommit = RAID5_COMMIT) => `${place}/sluice/${rowsPerCommit}`,
}

export function sceneExperiments(full: boolean): Experiment[] {
  const loads = full ? FULL : USUAL
  const ground = full ? ROOM_IN_FULL : ROOM
  const onEmpty = [oldPart, cleanedPart].map((part) => part('empty', loads, 0)).concat([...LATENCY, ...RAID5].map((rows) => oursPart('empty', [rows], loads, 0)))
  return [
    sceneExperiment({ ground, parts: onEmpty }),
    sceneExperiment({ ground, parts: [oursPart('preloaded', [...LATENCY, ...RAID5], loads, loads.preloaded)] }),
    sceneExperiment({ ground, parts: [cleanedPart('preloaded', loads, loads.preloaded)] }),
    sceneExperiment({ ground, parts: [oldPart('preloaded', loads, loads.preloaded)] }),
    ...checksumExperiments(),
  ]
}

function oldPart(place: string, loads: Loads, preloaded: number): Part {
  return { subject: old, preloaded, windows: [{ ...plan(names.old(place), old.about, OLD_COMMIT, loads.old), ...traced(preloaded > 0, TRACED.old) }] }
}

function cleanedPart(place: string, loads: Loads, preloaded: number): Part {
  return { subject: cleaned, preloaded, windows: CLEANED_COMMITS.map((rows) => ({ ...plan(`${place}/cleaned/${rows}`, cleaned.about, rows, loads.cleaned), ...traced(preloaded > 0 && rows === CLEANED_COMMITS.at(-1), TRACED.cleaned) })) }
}

function oursPart(place: string, commits: readonly number[], loads: Loads, preloaded: number): Part {
  const about = (rows: number): string => `${ours.about}, as in the profile ${LATENCY.includes(rows) ? 'latency' : 'raid5'}`
  return { subject: ours, preloaded, windows: commits.map((rows) => ({ ...plan(names.ours(place, rows), about(rows), rows, loads.ours[rows]!), ...traced(preloaded > 0 && rows === RAID5_COMMIT, TRACED.ours) })) }
}

function plan(name: string, about: string, rowsPerCommit: number, assets: number): WindowPlan {
  return { name, about, rowsPerCommit, assets }
}

function traced(wanted: boolean, assets: number): Pick<WindowPlan, 'traced'> {
  return wanted ? { traced: assets } : {}
}

/**
 * A reader that comes after a checkpoint sets hint bits in rows that are not frozen, and with checksums each page that it
 * changes so is logged whole. PostgreSQL 18 has checksums unless told otherwise, and so have all other variants here.
 */
function checksumExperiments(): Experiment[] {
  return [true, false].map((on) => {
    const name = `checksums/${on ? 'on' : 'off'}`
    const window = (label: string, rowsPerCommit: number, assets: number, tables?: Readonly<Record<string, string>>): WindowPlan => ({
      ...plan(`${name}${tables ? '+reader' : ''}/${label}/${rowsPerCommit}`, `data checksums ${on ? 'on' : 'off'}, ${tables ? 'every row read once after a checkpoint' : 'no reader'} before what is not frozen yet is frozen`, rowsPerCommit, assets),
      ...(tables ? { then: (databaseUrl) => readAll(databaseUrl, tables) } : {}),
    })
    const parts: [Subject, WindowPlan][] = [
      [ours, window('sluice', 1_000, 20_000)],
      [ours, window('sluice', 1_000, 20_000, OUR_TABLES)],
      [ours, window('sluice', RAID5_COMMIT, 100_000, OUR_TABLES)],
      [cleaned, window('cleaned', 5_000, 10_000, { items: 'url' })],
    ]
    return sceneExperiment({ ground: on ? ROOM : { ...ROOM, initdb: ['--no-data-checksums'] }, parts: parts.map(([subject, each]) => ({ subject, preloaded: 0, windows: [each] })) })
  })
}

/** Each with a column that no index holds, so that counting it looks at every row. */
const OUR_TABLES = { asset: 'embedding', asset_detail: 'uri', asset_frame: 'blob' }

async function readAll(databaseUrl: string, tables: Readonly<Record<string, string>>): Promise<void> {
  await onSession(databaseUrl, async (client) => {
    await client.query('checkpoint')
    for (const [table, column] of Object.entries(tables)) await client.query(`select count(${column}) from ${table}`)
  })
}
