/** What the doctor says of one part. */
export interface Finding {
  part: string
  /** `unsafe`: what was stored may be lost. `warning`: it works, but worse than it could. `note`: it may be meant. */
  state: 'ok' | 'missing' | 'too-old' | 'unreachable' | 'unsafe' | 'warning' | 'note'
  found?: string
  wanted?: string
  /** One sentence: what it costs. */
  why?: string
  /** One sentence: what to do about it. */
  remedy?: string
}
