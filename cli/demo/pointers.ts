/** Where to look after the demo. */
import type { Pointer, StoredAsset } from './facts.ts'

interface Circumstances {
  report: string
  kept: boolean
  assets: readonly StoredAsset[]
  databaseUrl: string
}

const SLUICE = 'node bin/sluice.mjs'

export function pointersFor({ report, kept, assets, databaseUrl }: Circumstances): Pointer[] {
  const pictures = { what: 'The report, with all pictures', command: report }
  const log = { what: 'What the stages logged', command: '.sluice/logs/stages.log' }
  if (!kept) return [pictures, log, { what: 'The same, left running for you to look around', command: 'npm run demo -- --keep' }]
  const copy = assets.find(({ relation }) => relation === 'near-copy') ?? assets[0]
  return [
    pictures,
    ...(copy ? [
      { what: `All that is known of ${copy.name}, with its trace id ${copy.traceId ?? ''}`, command: `${SLUICE} asset ${copy.assetId}` },
      { what: 'Assets that look like it', command: `${SLUICE} search --like ${copy.assetId}` },
    ] : []),
    { what: 'The rows, by SQL', command: `psql '${databaseUrl}' -c 'select * from asset_view'` },
    { what: 'The stages', command: `${SLUICE} status --watch` },
    log,
    { what: 'Stop it', command: `${SLUICE} down` },
  ]
}
