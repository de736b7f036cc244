/** A section of a RESULTS.md between markers of its own, so that each run replaces what it wrote itself and nothing else. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Puts the section into the file, in the place of the one of that name that is there, or at the end. */
export function recordSection(path: string, name: string, body: string): void {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '# Results of the delivery tests\n'
  writeFileSync(path, withSection(text, name, body))
}

export function withSection(text: string, name: string, body: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const section = `${begin}\n${body}\n${end}`
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from >= 0 && to > from) return text.slice(0, from) + section + text.slice(to + end.length)
  return `${text.trimEnd()}\n\n${section}\n`.trimStart()
}
