/** A progress bar on standard error; plain lines now and then where that is no terminal. */
import { SingleBar } from 'cli-progress'
import { systemClock } from '#runtime/clock.ts'
import type { Screen } from './screen.ts'

export interface Bar {
  update(done: number): void
  /** Takes the bar away. Harmless a second time. */
  stop(): void
}

const PLAIN_LINE_MS = 5_000

/** `total` may be unknown; then only what is done is shown. */
export function openBar(screen: Screen, title: string, total: number | undefined, show: (value: number) => string = String): Bar {
  if (screen.quiet) return { update() {}, stop() {} }
  return process.stderr.isTTY ? drawn(title, total, show) : plainLines(screen, title, total, show)
}

function drawn(title: string, total: number | undefined, show: (value: number) => string): Bar {
  const format = total === undefined ? `${title} {shown}` : `${title} {bar} {percentage} % · {shown} of ${show(total)} · {eta_formatted} left`
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, clearOnComplete: true, gracefulExit: false, etaBuffer: 200 })
  bar.start(total ?? 1, 0, { shown: show(0) })
  return {
    update: (done) => bar.update(total === undefined ? 0 : done, { shown: show(done) }),
    stop: () => bar.stop(),
  }
}

function plainLines(screen: Screen, title: string, total: number | undefined, show: (value: number) => string): Bar {
  let done = 0
  let said = 0
  const say = (): void => {
    if (done !== said) screen.note(`${title}: ${show(done)}${total === undefined ? '' : ` of ${show(total)}`}`)
    said = done
  }
  const cancel = systemClock.every(PLAIN_LINE_MS, say)
  return {
    update: (value) => { done = value },
    stop() {
      cancel()
      say()
    },
  }
}
