/** The same assets through the three designs: on empty tables, on full ones, and with checksums and a reader. */
import { cleaned } from '../subjects/cleaned.ts'
import { old } from '../subjects/old.ts'
import { ours } from '../subjects/ours.ts'
import { onSession } from '../subjects/session.ts'
import type { Experiment } from './experiment.ts'
import { ROOM, ROOM_IN_FULL, sceneExperiment, type Part, type WindowPlan } from './scene.ts'

/** Assets per window: row statements take some 5 ms an asset, and a commit of 100,000 rows is only seen in several. */
interface Loads { old: number; cleaned: number; ours: Readonly<Record<number, number>>; preloaded: number }

const USUAL: Loads = { old: 5_000, cleaned: 20_000, ours: { 100: 10_000, 1_000: 20_000, 5_000: 50_000, 20_000: 100_000, 100_000: 200_000 }, preloaded: 2_000_000 }
const FULL: Loads = { old: 20_000, cleaned: 50_000, ours: { 100: 20_000, 1_000: 50_000, 5_000: 100_000, 20_000: 200_000, 100_000: 500_000 }, preloaded: 6_100_000 }

/** Of the profiles: `latency` commits after a quarter of a second, `raid5` after 100,000 rows or a minute. */
const LATENCY = [100, 1_000]
const RAID5 = [5_000, 20_000, 100_000]

/** Whether a page is logged once more does not depend on how many there are. */
const CHECKSUM_ASSETS = 100_000

const OLD_COMMIT = 5_000
const CLEANED_COMMITS = [2_000, 5_000]
export const RAID5_COMMIT = 100_000

/** Names of variants that the headline's figures are taken from. */
export const names = {
  old: (place: string) => `${place}/old/${OLD_COMMIT}`,
  cleaned: (place: string) => `${place}/cleaned/${CLEANED_COMMITS.at(-1)}`,
  ours: (place: string, rowsPerCommit = RAID5_COMMIT) => `${place}/sluice/${rowsPerCommit}`,
}

/** In the order in which they run: what is quick comes first. */
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
  return { subject: old, preloaded, windows: [{ ...plan(names.old(place), old.about, OLD_COMMIT, loads.old), systemCalls: preloaded > 0 }] }
}

function cleanedPart(place: string, loads: Loads, preloaded: number): Part {
  return { subject: cleaned, preloaded, windows: CLEANED_COMMITS.map((rows) => ({ ...plan(`${place}/cleaned/${rows}`, cleaned.about, rows, loads.cleaned), systemCalls: preloaded > 0 && rows === CLEANED_COMMITS.at(-1) })) }
}

function oursPart(place: string, commits: readonly number[], loads: Loads, preloaded: number): Part {
  const about = (rows: number): string => `${ours.about}, as in the profile ${LATENCY.includes(rows) ? 'latency' : 'raid5'}`
  return { subject: ours, preloaded, windows: commits.map((rows) => ({ ...plan(names.ours(place, rows), about(rows), rows, loads.ours[rows]!), systemCalls: preloaded > 0 && rows === RAID5_COMMIT })) }
}

function plan(name: string, about: string, rowsPerCommit: number, assets: number): WindowPlan {
  return { name, about, rowsPerCommit, assets }
}

/**
 * A reader that comes after a checkpoint sets hint bits, and with checksums each page that it changes so is logged whole.
 * PostgreSQL 18 has checksums unless told otherwise, and so have all other variants here.
 */
function checksumExperiments(): Experiment[] {
  return [true, false].map((on) => sceneExperiment({
    ground: on ? ROOM : { ...ROOM, initdb: ['--no-data-checksums'] },
    parts: [undefined, readAll].map((then) => ({
      subject: ours,
      preloaded: 0,
      windows: [{
        name: `checksums/${on ? 'on' : 'off'}${then ? '+reader' : ''}`,
        about: `data checksums ${on ? 'on' : 'off'}, ${then ? 'all rows read once after a checkpoint, before they are frozen' : 'nothing read before the rows are frozen'}`,
        rowsPerCommit: RAID5_COMMIT, assets: CHECKSUM_ASSETS, ...(then ? { then } : {}),
      }],
    })),
  }))
}

/** Reads a column of each table that no index holds, so that every row is looked at. */
async function readAll(databaseUrl: string): Promise<void> {
  await onSession(databaseUrl, async (client) => {
    await client.query('checkpoint')
    await client.query('select count(embedding) from asset')
    await client.query('select count(uri) from asset_detail')
    await client.query('select count(blob) from asset_frame')
  })
}
