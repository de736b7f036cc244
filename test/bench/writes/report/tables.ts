import type { WriteFigures } from './variant-figures.ts'

export function renderMarkdown(_figures: WriteFigures): string {
  throw new Error('not written yet')
}

export function renderText(_figures: WriteFigures): string {
  throw new Error('not written yet')
}
