/** Text from files, servers and users, made safe and short for people to read. */

/** Control, bidirectional-override, zero-width and line-separator characters: they could redraw a terminal or reverse a name. */
const INVISIBLE = /[\p{Cc}\p{Zl}\p{Zp}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

/** One visible line. */
export function plainText(text: string): string {
  return visible(text).trim()
}

/** The same without cutting the ends off. */
export function visible(text: string): string {
  return text.replace(/\s+/g, ' ').replace(INVISIBLE, '�')
}

/** At most `length` characters, the middle left out: names differ most often at their ends. */
export function shortened(text: string, length: number): string {
  const characters = [...plainText(text)]
  if (characters.length <= length) return characters.join('')
  const tail = Math.floor((length - 1) / 2)
  return `${characters.slice(0, length - 1 - tail).join('')}…${tail === 0 ? '' : characters.slice(-tail).join('')}`
}

/** '820 ms', '1.4 s', '2 min 5 s'. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${Math.floor(seconds / 3600)} h ${Math.floor(seconds % 3600 / 60)} min`
}

/** '1 copy', '3 copies'. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}

/** '4' or '0 to 10'; empty when none is known. */
export function distanceRange(distances: readonly (number | null)[]): string {
  const known = distances.filter((distance) => distance !== null).map(Math.round)
  if (known.length === 0) return ''
  const [least, most] = [Math.min(...known), Math.max(...known)]
  return least === most ? String(least) : `${least} to ${most}`
}
