/** What the doctor says of one part. */
export interface Finding {
  part: string
  state: 'ok' | 'missing' | 'too-old' | 'unreachable' | 'warning'
  found?: string
  wanted?: string
  /** One sentence: what to do about it. */
  remedy?: string
}
