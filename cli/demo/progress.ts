/** Live progress of every stage: redrawn in place on a terminal, a plain line now and then elsewhere. */
import { clearLine, cursorTo, moveCursor } from 'node:readline'
import pc from 'picocolors'
import type { Clock } from '#runtime/clock.ts'
import { duration, shortened } from './plain-text.ts'

export interface StageProgress {
  stage: string
  /** Records processed or given up. */
  done: number
  /** Undefined while nobody knows. */
  total?: number | undefined
  perSecond: number
  /** Age of the oldest record that waits, seconds; 0 when none waits. */
  lagSeconds: number
  dead: number
}

export interface Progress {
  /** Shows these figures at the next redraw. */
  update(figures: readonly StageProgress[]): void
  /** Shows the last figures, and gives the terminal back as it was. Harmless a second time. */
  stop(): void
}

interface Output {
  isTTY?: boolean
  columns?: number
  rows?: number
  write(text: string): unknown
}

const REDRAW_MS = 200
/** Columns. On a wide terminal the figures stay next to the names. */
const WIDEST_BAR = 60
const PLAIN_LINE_MS = 5_000
const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'

/** Opens the view. It gives the terminal back when the process exits or is interrupted, should `stop` not have been called. */
export function openProgress(output: NodeJS.WritableStream & Output, clock: Clock): Progress {
  return output.isTTY ? redrawn(output, clock) : periodic(output, clock)
}

/** One line a stage, of at most `width` columns, after a line of headings. */
export function renderStages(figures: readonly StageProgress[], width: number): string[] {
  const columns = columnsFor(width)
  const name = Math.min(14, Math.max(5, ...figures.map(({ stage }) => stage.length)))
  const bar = Math.min(WIDEST_BAR, Math.max(0, width - name - columns.reduce((sum, column) => sum + column.width + 1, 0) - 12))
  const head = ['stage'.padEnd(name), ''.padEnd(bar), 'done'.padStart(9), ...columns.map((column) => column.title.padStart(column.width))]
  const lines = figures.map((figure) => {
    const cells = columns.map((column) => column.text(figure).padStart(column.width))
    return [shortened(figure.stage, name).padEnd(name), barOf(figure, bar), doneOf(figure).padStart(9), ...cells]
  })
  return [head, ...lines].map((cells) => cells.join(' ').slice(0, width))
}

interface Column {
  title: string
  width: number
  text(figure: StageProgress): string
  /** Narrowest terminal that it is shown on. */
  from: number
}

const COLUMNS: readonly Column[] = [
  { title: 'rate', width: 8, from: 50, text: ({ perSecond }) => `${short(perSecond)}/s` },
  { title: 'lag', width: 7, from: 58, text: ({ lagSeconds }) => (lagSeconds <= 0 ? '-' : compact(lagSeconds)) },
  { title: 'dead', width: 5, from: 40, text: ({ dead }) => (dead === 0 ? '-' : short(dead)) },
  { title: 'left', width: 7, from: 66, text: etaOf },
]

function columnsFor(width: number): Column[] {
  return COLUMNS.filter((column) => width >= column.from)
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const

function barOf({ done, total }: StageProgress, width: number): string {
  if (width < 4) return ''.padEnd(width)
  const share = total ? Math.min(1, done / total) : 0
  const eighths = Math.floor(share * width * 8)
  const part = EIGHTHS[eighths % 8]!
  return `${'█'.repeat(Math.floor(eighths / 8))}${part}`.padEnd(width, total === undefined ? ' ' : '·')
}

function doneOf({ done, total }: StageProgress): string {
  return total === undefined ? short(done) : `${short(done)}/${short(total)}`
}

/** Time to the end at the present rate; blank when done, or when there is no rate to go by. */
function etaOf({ done, total, perSecond }: StageProgress): string {
  if (total === undefined || done >= total) return ''
  return perSecond > 0 ? compact((total - done) / perSecond) : '?'
}

/** Four characters or fewer for a count below a thousand billions. */
function short(count: number): string {
  if (count < 10 && !Number.isInteger(count)) return count.toFixed(1)
  if (count < 9_999.5) return String(Math.round(count))
  const [size, unit] = count < 999_500 ? [1e3, 'k'] : count < 999_500_000 ? [1e6, 'M'] : [1e9, 'G']
  return `${Math.round(count / (size as number))}${unit}`
}

function compact(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`
  if (seconds < 99.5) return `${Math.round(seconds)}s`
  return seconds < 5970 ? `${Math.round(seconds / 60)}min` : `${Math.round(seconds / 3600)}h`
}

function redrawn(output: NodeJS.WritableStream & Output, clock: Clock): Progress {
  let figures: readonly StageProgress[] = []
  let drawn = 0
  let changed = false
  const draw = (): void => {
    if (!changed) return
    changed = false
    // A view taller than the terminal would scroll, and then leave a copy of itself at every redraw.
    const lines = renderStages(figures, (output.columns ?? 80) - 1).slice(0, Math.max(1, (output.rows ?? 24) - 1))
    if (drawn > 0) moveCursor(output, 0, -drawn)
    for (const [i, line] of lines.entries()) {
      cursorTo(output, 0)
      clearLine(output, 0)
      output.write(`${i === 0 ? pc.dim(line) : line}\n`)
    }
    drawn = lines.length
  }
  const stop = once(() => {
    cancel()
    forget()
    draw()
    output.write(SHOW_CURSOR)
  })
  output.write(HIDE_CURSOR)
  const cancel = clock.every(REDRAW_MS, draw)
  const forget = onWayOut(stop)
  return {
    update(next) {
      figures = next
      changed = true
    },
    stop,
  }
}

/** Calls `restore` at exit and on Ctrl-C; the returned function takes that back. */
function onWayOut(restore: () => void): () => void {
  const interrupted = (): void => {
    restore()
    // Listening took the signal's own effect away. Unless somebody else handles it, it must end the process after all.
    if (process.listenerCount('SIGINT') === 0) process.kill(process.pid, 'SIGINT')
  }
  process.once('exit', restore)
  process.once('SIGINT', interrupted)
  return () => {
    process.off('exit', restore)
    process.off('SIGINT', interrupted)
  }
}

function periodic(output: Output, clock: Clock): Progress {
  let figures: readonly StageProgress[] = []
  let written = ''
  const write = (): void => {
    const line = figures.map((figure) => `${figure.stage} ${doneOf(figure)}${figure.dead > 0 ? ` (${figure.dead} dead)` : ''}`).join(', ')
    if (line !== written) output.write(`${line}\n`)
    written = line
  }
  const started = clock.monotonicMs()
  const cancel = clock.every(PLAIN_LINE_MS, write)
  return {
    update(next) { figures = next },
    stop: once(() => {
      cancel()
      write()
      if (figures.length > 0) output.write(`done after ${duration(clock.monotonicMs() - started)}\n`)
    }),
  }
}

function once(run: () => void): () => void {
  let ran = false
  return () => {
    if (ran) return
    ran = true
    run()
  }
}
