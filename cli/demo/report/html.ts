/** HTML by tagged templates that escape whatever is put into them, unless it is HTML made the same way. */
import { visible } from '../plain-text.ts'

export class Html {
  readonly markup: string

  constructor(markup: string) {
    this.markup = markup
  }
}

type Value = Html | string | number | null | undefined | false | readonly Value[]

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Safe between tags and within quoted attributes. */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(strings.reduce((markup, text, i) => markup + text + (i < values.length ? escaped(values[i]) : ''), ''))
}

function escaped(value: Value): string {
  if (value instanceof Html) return value.markup
  if (Array.isArray(value)) return value.map(escaped).join('')
  if (value === null || value === undefined || value === false) return ''
  return visible(String(value)).replace(/[&<>"']/g, (character) => ENTITIES[character]!)
}

/** A JPEG as an address. */
export function dataUri(jpeg: Buffer): string {
  return `data:image/jpeg;base64,${jpeg.toString('base64')}`
}
