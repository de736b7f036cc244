/** What a command shows: answers on standard output, as text or JSON; everything else on standard error. */
import pc from 'picocolors'

export interface ScreenOptions {
  json?: boolean | undefined
  quiet?: boolean | undefined
}

export class Screen {
  readonly json: boolean
  readonly quiet: boolean

  constructor({ json, quiet }: ScreenOptions) {
    this.json = json ?? false
    this.quiet = quiet ?? false
  }

  /** An answer: one line of JSON, or text for people. */
  answer(value: unknown, text: () => string): void {
    const shown = this.json ? JSON.stringify(value, replaceBigInt) : text()
    if (shown !== '') process.stdout.write(`${shown}\n`)
  }

  /** What is going on; nothing that a script would read. */
  note(line: string): void {
    if (!this.quiet) process.stderr.write(`${line}\n`)
  }

  get colours(): ReturnType<typeof pc.createColors> {
    return pc.createColors(pc.isColorSupported && process.stdout.isTTY === true)
  }
}

function replaceBigInt(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value
}

/** Text from outside, safe for a terminal: without control characters, which could rewrite what is on the screen. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '�')
}

/** Columns of equal width, two spaces between them; numbers to the right. */
export function columns(rows: readonly (readonly (string | number)[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? '').length)))
  const cell = (value: string | number, column: number): string => (
    typeof value === 'number' ? String(value).padStart(widths[column]!) : value.padEnd(widths[column]!)
  )
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n')
}
