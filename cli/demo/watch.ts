/** Watches the stages until everything that was submitted has come out, or nothing moves any more. */
import type { Clock } from '#runtime/clock.ts'
import { Halt } from '#runtime/errors.ts'
import { topology } from '#topology'
import type { Progress, StageProgress } from './progress.ts'
import type { StagesReport } from '../stages.ts'

const POLL_MS = 300
/** Far longer than the slowest single file takes. */
const STUCK_MS = 120_000

interface Watched {
  report(): Promise<StagesReport>
  /** Items that have come out. */
  done(): number
  total: number
  progress: Progress | undefined
  clock: Clock
}

/**
 * Resolves with the last report once all have come out.
 * @throws Halt `demo.stuck` naming the stage behind which nothing moves
 */
export async function watchUntilDone({ report, done, total, progress, clock }: Watched): Promise<StagesReport> {
  const beganMs = clock.monotonicMs()
  let movedMs = beganMs
  let before = ''
  for (;;) {
    const isDone = done() === total
    const current = await report().catch(() => undefined)
    if (current) progress?.update(figuresOf(current, total, (clock.monotonicMs() - beganMs) / 1000))
    if (isDone && current) return current
    const now = JSON.stringify([done(), current && countsOf(current)])
    if (now !== before) movedMs = clock.monotonicMs()
    before = now
    if (clock.monotonicMs() - movedMs > STUCK_MS) throw stuck(current, done(), total)
    await clock.sleep(POLL_MS)
  }
}

/** A stage can get what the one before it let through; the sink gets what all of them gave up as well. */
function figuresOf({ stages }: StagesReport, total: number, seconds: number): StageProgress[] {
  let left = total
  return Object.entries(stages).map(([stage, { written = 0, dead = 0 }]) => {
    const done = written + dead
    const perSecond = done / Math.max(0.1, seconds)
    if (takesDeadLetters(stage)) return { stage, done, total, perSecond, lagSeconds: 0, dead: 0 }
    const figure = { stage, done, total: left, perSecond, lagSeconds: 0, dead }
    left -= dead
    return figure
  })
}

/** Its count of dead letters is then that of the others'. */
export function takesDeadLetters(name: string): boolean {
  const stage = topology.stage(name)
  return stage.kind === 'sink' && stage.recordsDeadLetters
}

function countsOf({ stages }: StagesReport): [number, number, number][] {
  return Object.values(stages).map(({ written = 0, dead = 0, retries = 0 }) => [written, dead, retries])
}

function stuck(report: StagesReport | undefined, done: number, total: number): Halt {
  const figures = report ? figuresOf(report, total, 1) : []
  const culprit = figures.find((figure) => figure.done < (figure.total ?? 0))
  const where = culprit ? `${culprit.stage} stands at ${culprit.done} of ${culprit.total}` : 'the stages do not answer'
  return new Halt('demo.stuck', `${done} of ${total} items came out, and nothing has moved for ${STUCK_MS / 1000} s: ${where}.`, 'See .sluice/logs/stages.log.')
}
