/** Text becomes part of HTML, SVG or Markdown here and nowhere else: names and reasons may hold anything. */

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
/** What no XML document may hold, escaped or not. */
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g

/** For text and for attributes in quotes. */
export function escapeMarkup(text: string): string {
  return text.replace(FORBIDDEN, '\ufffd').replace(/[&<>"']/g, (character) => ENTITIES[character]!)
}

/** For one cell of a Markdown table. */
export function escapeCell(text: string): string {
  return text.replace(/[&<>]/g, (character) => ENTITIES[character]!).replace(/\\/g, '\\\\').replace(/\|/g, '\\|').replace(/\s+/g, ' ').trim()
}

export type Attributes = Record<string, string | number>

/** `content` is markup already; attributes are text. */
export function element(name: string, attributes: Attributes, ...content: string[]): string {
  const head = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeMarkup(typeof value === 'number' ? coordinate(value) : value)}"`)
  return `<${name}${head.join('')}>${content.join('')}</${name}>`
}

/** A tenth of a pixel is finer than any screen. */
function coordinate(value: number): string {
  return String(Math.round(value * 10) / 10)
}
