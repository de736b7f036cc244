import type { WriteFigures } from './variant-figures.ts'

export function renderHtml(_figures: WriteFigures): string {
  throw new Error('not written yet')
}
